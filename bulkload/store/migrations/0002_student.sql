-- The records of the student family; what a family counts beside outcomes; a check of the key that secrets are kept under.

ALTER TABLE job RENAME COLUMN counts TO outcomes;
ALTER TABLE job ADD COLUMN counts TEXT NOT NULL DEFAULT '{}';
ALTER TABLE job ADD COLUMN errors TEXT;

CREATE TABLE secret_key (
    digest TEXT NOT NULL
);

CREATE TABLE school (
    number INTEGER PRIMARY KEY,
    code TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    district TEXT NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE license_order (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    school INTEGER REFERENCES school (number),
    current INTEGER NOT NULL,
    free INTEGER NOT NULL,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number)
);

CREATE TABLE student (
    number INTEGER PRIMARY KEY,
    district TEXT NOT NULL,
    student_id TEXT NOT NULL,
    school INTEGER NOT NULL REFERENCES school (number),
    folded TEXT NOT NULL UNIQUE,
    username TEXT NOT NULL,
    password TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    middle_name TEXT,
    email TEXT,
    birth INTEGER,
    ssn TEXT,
    ssn_last4 TEXT,
    gender TEXT,
    grade INTEGER,
    groups TEXT,
    active INTEGER NOT NULL,
    license_order INTEGER NOT NULL REFERENCES license_order (number),
    content INTEGER,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    UNIQUE (district, student_id)
);
