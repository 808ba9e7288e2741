-- +goose Up
-- The index is made anew from the log: what is added here was not kept of the facts that are in it.
DELETE FROM evidence_fact;
DELETE FROM evidence_subject;
DELETE FROM evidence_cursor;
ALTER TABLE evidence_fact ADD COLUMN member TEXT NOT NULL DEFAULT '';
ALTER TABLE evidence_fact ADD COLUMN size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE evidence_fact ADD COLUMN took BIGINT NOT NULL DEFAULT 0;
CREATE INDEX evidence_fact_department ON evidence_fact (department, kind, time, batch, leaf);
CREATE INDEX evidence_fact_other ON evidence_fact (other, kind, time, batch, leaf);
CREATE INDEX evidence_fact_failed ON evidence_fact (time, batch, leaf) WHERE outcome <> '' AND outcome <> 'ok';
CREATE INDEX evidence_fact_outcome ON evidence_fact (outcome, time, batch, leaf) WHERE outcome <> '' AND outcome <> 'ok';
DROP INDEX evidence_fact_time;
CREATE INDEX evidence_fact_order ON evidence_fact (time, batch, leaf);
CREATE INDEX evidence_fact_kind ON evidence_fact (kind, time, batch, leaf);
CREATE INDEX evidence_fact_member ON evidence_fact (member, time, batch, leaf);
-- viewer: a department that acted or was addressed; empty: whoever sees all of the node
CREATE TABLE evidence_tally (
  viewer    TEXT NOT NULL,
  hour      BIGINT NOT NULL,
  kind      TEXT NOT NULL,
  member    TEXT NOT NULL,
  outcome   TEXT NOT NULL,
  pace      BIGINT NOT NULL,
  calls     BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  PRIMARY KEY (viewer, hour, kind, member, outcome, pace)
);
CREATE TABLE evidence_use (
  viewer    TEXT NOT NULL,
  month     TEXT NOT NULL,
  agreement TEXT NOT NULL,
  kind      TEXT NOT NULL,
  purpose   TEXT NOT NULL,
  outcome   TEXT NOT NULL,
  calls     BIGINT NOT NULL,
  row_count BIGINT NOT NULL,
  last      BIGINT NOT NULL,
  PRIMARY KEY (viewer, month, agreement, kind, purpose, outcome)
);
CREATE INDEX evidence_use_agreement ON evidence_use (agreement, viewer);
