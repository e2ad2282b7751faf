-- What a job that came by a folder wrote there, each file with its size and digest: it is removed when the job is purged.

ALTER TABLE job ADD COLUMN published TEXT NOT NULL DEFAULT '[]';
CREATE INDEX job_published ON job (submitted_at) WHERE published <> '[]';
