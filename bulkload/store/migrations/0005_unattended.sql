-- Unattended work: files on their way, mails on theirs, and what was already told.

CREATE INDEX job_open ON job (number) WHERE (state = 'running' OR state IN ('received', 'queued') AND via <> 'folder');
CREATE INDEX job_unmoved ON job (number) WHERE renames <> '[]';
CREATE INDEX job_by_time ON job (submitted_at);
ALTER TABLE job ADD COLUMN purged_at INTEGER;

CREATE TABLE delivery (
    job TEXT PRIMARY KEY REFERENCES job (id),
    site TEXT NOT NULL,
    folder TEXT NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    crashes INTEGER NOT NULL DEFAULT 0,
    settled_at INTEGER
) WITHOUT ROWID;
CREATE INDEX delivery_on_its_way ON delivery (site, job) WHERE settled_at IS NULL;

CREATE TABLE chore (
    site TEXT NOT NULL,
    what TEXT NOT NULL,
    day TEXT NOT NULL,
    PRIMARY KEY (site, what)
) WITHOUT ROWID;

CREATE TABLE mail (
    number INTEGER PRIMARY KEY,
    site TEXT NOT NULL,
    kind TEXT NOT NULL,
    job TEXT NOT NULL,
    about TEXT NOT NULL,
    recipients TEXT NOT NULL,
    made_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    trouble TEXT,
    ended_at INTEGER,
    UNIQUE (site, kind, job, about)
);
CREATE INDEX mail_unsent ON mail (due_at) WHERE ended_at IS NULL;
