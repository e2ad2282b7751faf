-- Words that millions of records repeat are kept once: an enrollment has the numbers of its statuses and its time zone.

CREATE TABLE word (
    number INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
);
INSERT INTO word (word)
SELECT pre_status FROM enrollment
UNION SELECT post_status FROM enrollment
UNION SELECT zone FROM enrollment WHERE zone IS NOT NULL;

ALTER TABLE enrollment RENAME TO enrollment_before;
CREATE TABLE enrollment (
    event INTEGER NOT NULL REFERENCES event (number),
    "user" INTEGER NOT NULL REFERENCES "user" (number),
    pre_status INTEGER NOT NULL REFERENCES word (number),
    post_status INTEGER NOT NULL REFERENCES word (number),
    priority INTEGER,
    zone INTEGER REFERENCES word (number),
    enrolled_at INTEGER NOT NULL,
    changed_at INTEGER,
    content INTEGER,
    created_job INTEGER NOT NULL REFERENCES job (number),
    changed_job INTEGER NOT NULL REFERENCES job (number),
    PRIMARY KEY (event, "user")
) WITHOUT ROWID;
INSERT INTO enrollment
SELECT event, "user", pre.number, post.number, priority, zones.number, enrolled_at, changed_at, content, created_job, changed_job
FROM enrollment_before AS before
JOIN word AS pre ON pre.word = before.pre_status
JOIN word AS post ON post.word = before.post_status
LEFT JOIN word AS zones ON zones.word = before.zone;
DROP TABLE enrollment_before;

CREATE VIEW enrollment_in_words AS
SELECT event, "user", pre.word AS pre_status, post.word AS post_status, priority, zones.word AS zone,
    enrolled_at, changed_at, created_job, changed_job
FROM enrollment AS coded
JOIN word AS pre ON pre.number = coded.pre_status
JOIN word AS post ON post.number = coded.post_status
LEFT JOIN word AS zones ON zones.number = coded.zone;
