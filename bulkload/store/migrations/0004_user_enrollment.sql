-- The records of the user-enrollment family: persons, what they can be enrolled in, and the ledger of what was applied.

CREATE TABLE term (
    number INTEGER PRIMARY KEY,
    term_id TEXT NOT NULL UNIQUE,
    source TEXT,
    sourced_id TEXT,
    title TEXT NOT NULL,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL
);

CREATE TABLE section (
    number INTEGER PRIMARY KEY,
    call_number TEXT NOT NULL UNIQUE,
    course_id TEXT,
    title TEXT,
    sort_string TEXT,
    term INTEGER REFERENCES term (number),
    expires INTEGER,
    content INTEGER NOT NULL,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL
);

-- Course copies find their source by its course.
CREATE INDEX section_of_course ON section (course_id);

-- What only course copies know of a section. made_by and filled_by are digests of the records that made it and that
-- copied content into it: the same record, applied again, finds its work done.
CREATE TABLE copied_section (
    section INTEGER NOT NULL PRIMARY KEY REFERENCES section (number),
    description TEXT,
    display_course_code TEXT,
    section_number INTEGER,
    made_by INTEGER,
    filled_by INTEGER,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE node (
    number INTEGER PRIMARY KEY,
    node_string TEXT NOT NULL UNIQUE,
    title TEXT,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL
);

-- The two roles that every store has (job 0: they came with it).
CREATE TABLE role (
    number INTEGER PRIMARY KEY,
    role_id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL
);
INSERT INTO role VALUES (1, '1', 'Professor', 0, 0), (2, '2', 'Student', 0, 0);

CREATE TABLE person (
    number INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    person_id TEXT NOT NULL,
    folded TEXT NOT NULL UNIQUE,
    login_id TEXT NOT NULL,
    password TEXT,
    first_name TEXT NOT NULL,
    middle_name TEXT,
    last_name TEXT NOT NULL,
    gender TEXT,
    dob TEXT,
    disability TEXT,
    email TEXT NOT NULL,
    phone TEXT,
    address1 TEXT,
    address2 TEXT,
    city TEXT,
    state TEXT,
    postal_code TEXT,
    country TEXT,
    properties TEXT,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL,
    UNIQUE (source, person_id)
);

CREATE TABLE membership (
    person INTEGER NOT NULL REFERENCES person (number),
    kind INTEGER NOT NULL,
    target INTEGER NOT NULL,
    role INTEGER NOT NULL REFERENCES role (number),
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL,
    PRIMARY KEY (person, kind, target)
) WITHOUT ROWID;

CREATE TABLE ledger (
    person INTEGER NOT NULL REFERENCES person (number),
    position INTEGER NOT NULL,
    digest INTEGER NOT NULL,
    created_job INTEGER NOT NULL,
    changed_job INTEGER NOT NULL,
    PRIMARY KEY (person, position)
) WITHOUT ROWID;
