-- A digest of the row that an enrollment was last set by, as it was typed; none where something was found of it.

ALTER TABLE enrollment RENAME TO enrollment_before;
CREATE TABLE enrollment (
    event INTEGER NOT NULL REFERENCES event (number),
    "user" INTEGER NOT NULL REFERENCES "user" (number),
    pre_status TEXT NOT NULL,
    post_status TEXT NOT NULL,
    priority INTEGER,
    zone TEXT,
    enrolled_at INTEGER NOT NULL,
    changed_at INTEGER,
    content INTEGER,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (event, "user")
) WITHOUT ROWID;
INSERT INTO enrollment
SELECT event, "user", pre_status, post_status, priority, zone, enrolled_at, changed_at, NULL, created_job, changed_job
FROM enrollment_before;
DROP TABLE enrollment_before;
