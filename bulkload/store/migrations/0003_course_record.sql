-- The records of the course-record family, what waits for its learner, and the locks of importers.

CREATE TABLE course (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    required_objects INTEGER,
    assign TEXT NOT NULL,
    certificate INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE credit_type (
    number INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE course_credit (
    course INTEGER NOT NULL REFERENCES course (number),
    credit_type INTEGER NOT NULL REFERENCES credit_type (number),
    max_credits INTEGER NOT NULL,
    variable INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (course, credit_type)
) WITHOUT ROWID;

CREATE TABLE learner (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    email TEXT,
    first_name TEXT,
    last_name TEXT,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE login (
    learner INTEGER NOT NULL PRIMARY KEY REFERENCES learner (number),
    logged_in_at INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
) WITHOUT ROWID;

CREATE TABLE course_record (
    learner INTEGER NOT NULL REFERENCES learner (number),
    course INTEGER NOT NULL REFERENCES course (number),
    legacy INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    "start" INTEGER,
    "end" INTEGER,
    completed_at INTEGER,
    attended INTEGER,
    category TEXT,
    since INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (learner, course)
) WITHOUT ROWID;

CREATE TABLE credit (
    learner INTEGER NOT NULL,
    course INTEGER NOT NULL,
    credit_type INTEGER NOT NULL,
    credits INTEGER NOT NULL,
    expiration INTEGER,
    content TEXT,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (learner, course, credit_type)
) WITHOUT ROWID;

CREATE TABLE held_record (
    number INTEGER PRIMARY KEY,
    course INTEGER NOT NULL REFERENCES course (number),
    who TEXT NOT NULL,
    learner_id TEXT,
    learner_email TEXT,
    credit_type INTEGER NOT NULL,
    legacy INTEGER NOT NULL,
    complete INTEGER NOT NULL,
    "start" INTEGER,
    "end" INTEGER,
    completed_at INTEGER,
    attended INTEGER,
    category TEXT,
    credits INTEGER NOT NULL,
    expiration INTEGER,
    content TEXT NOT NULL,
    since INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);
CREATE INDEX held_record_by_learner ON held_record (who);
CREATE INDEX held_record_by_email ON held_record (learner_email);

CREATE TABLE import_lock (
    number INTEGER PRIMARY KEY,
    template TEXT NOT NULL,
    course TEXT NOT NULL,
    job TEXT NOT NULL,
    file TEXT NOT NULL,
    who TEXT NOT NULL,
    locked_at INTEGER NOT NULL,
    code TEXT NOT NULL,
    why TEXT NOT NULL,
    unlocked_by TEXT,
    unlocked_at INTEGER
);
