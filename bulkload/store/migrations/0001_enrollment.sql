-- Jobs, the journal, and the records of the enrollment family.

CREATE TABLE job (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    state TEXT NOT NULL,
    template TEXT,
    file TEXT NOT NULL,
    path TEXT NOT NULL,
    sha256 TEXT,
    size INTEGER,
    via TEXT NOT NULL,
    who TEXT NOT NULL,
    process TEXT NOT NULL,
    submitted_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    message TEXT,
    rows INTEGER NOT NULL DEFAULT 0,
    counts TEXT NOT NULL DEFAULT '{}',
    findings TEXT NOT NULL DEFAULT '[]',
    results TEXT,
    rejects TEXT,
    renames TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX job_by_content ON job (sha256);

CREATE TABLE journal (
    job INTEGER NOT NULL REFERENCES job (number),
    "table" TEXT NOT NULL,
    "key" TEXT NOT NULL,
    "before" TEXT NOT NULL
);

CREATE TABLE event (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    default_pre TEXT NOT NULL,
    use_event_zone INTEGER NOT NULL,
    zone TEXT,
    max_seats INTEGER,
    waitlist TEXT NOT NULL,
    max_waitlist INTEGER,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE "user" (
    number INTEGER PRIMARY KEY,
    folded TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    first_name TEXT,
    last_name TEXT,
    email TEXT,
    active INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE roster_field (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE completion (
    event INTEGER NOT NULL REFERENCES event (number),
    "user" INTEGER NOT NULL REFERENCES "user" (number),
    completed_at INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (event, "user")
) WITHOUT ROWID;

CREATE TABLE enrollment (
    event INTEGER NOT NULL REFERENCES event (number),
    "user" INTEGER NOT NULL REFERENCES "user" (number),
    pre_status TEXT NOT NULL,
    post_status TEXT NOT NULL,
    priority INTEGER,
    zone TEXT,
    enrolled_at INTEGER NOT NULL,
    changed_at INTEGER,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (event, "user")
) WITHOUT ROWID;

CREATE TABLE roster_value (
    event INTEGER NOT NULL,
    "user" INTEGER NOT NULL,
    field INTEGER NOT NULL REFERENCES roster_field (number),
    value TEXT NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (event, "user", field)
) WITHOUT ROWID;
