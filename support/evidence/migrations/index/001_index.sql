-- +goose Up
CREATE TABLE evidence_fact (
  id         TEXT PRIMARY KEY,
  kind       TEXT NOT NULL,
  time       BIGINT NOT NULL,
  department TEXT NOT NULL,
  other      TEXT NOT NULL,
  officer    TEXT NOT NULL,
  agreement  TEXT NOT NULL,
  outcome    TEXT NOT NULL,
  row_count  BIGINT NOT NULL,
  batch      BIGINT NOT NULL,
  leaf       BIGINT NOT NULL,
  epoch      BIGINT NOT NULL
);
CREATE INDEX evidence_fact_time ON evidence_fact (time);
CREATE INDEX evidence_fact_agreement ON evidence_fact (agreement, time);
CREATE TABLE evidence_subject (
  subject TEXT NOT NULL,
  day     TEXT NOT NULL,
  fact    TEXT NOT NULL,
  PRIMARY KEY (subject, day, fact)
);
CREATE INDEX evidence_subject_day ON evidence_subject (day);
CREATE TABLE evidence_cursor (
  name  TEXT PRIMARY KEY,
  batch BIGINT NOT NULL
);
