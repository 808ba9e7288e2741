-- +goose Up
-- The index is made anew from the log: what is added here was not kept of the facts that are in it.
DELETE FROM evidence_fact;
DELETE FROM evidence_subject;
DELETE FROM evidence_cursor;
ALTER TABLE evidence_fact ADD COLUMN member TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence_fact ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence_fact ADD COLUMN took BIGINT NOT NULL DEFAULT 0;
CREATE INDEX evidence_fact_department ON evidence_fact (department, time);
CREATE INDEX evidence_fact_other ON evidence_fact (other, time);
CREATE INDEX evidence_fact_failed ON evidence_fact (time) WHERE outcome <> '' AND outcome <> 'ok';
CREATE TABLE evidence_tally (
  hour       BIGINT NOT NULL,
  kind       TEXT NOT NULL,
  department TEXT NOT NULL,
  other      TEXT NOT NULL,
  member     TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  pace       BIGINT NOT NULL,
  calls      BIGINT NOT NULL,
  row_count  BIGINT NOT NULL,
  PRIMARY KEY (hour, kind, department, other, member, outcome, pace)
);
CREATE TABLE evidence_use (
  agreement  TEXT NOT NULL,
  day        TEXT NOT NULL,
  kind       TEXT NOT NULL,
  purpose    TEXT NOT NULL,
  department TEXT NOT NULL,
  other      TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  calls      BIGINT NOT NULL,
  row_count  BIGINT NOT NULL,
  PRIMARY KEY (agreement, day, kind, purpose, department, other, outcome)
);
CREATE INDEX evidence_use_day ON evidence_use (day);
