-- +goose Up
-- What a department should ask for again.
CREATE TABLE objection_refetch (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  agreement  TEXT NOT NULL,
  done       BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  since      BIGINT NOT NULL
);
CREATE INDEX objection_refetch_department ON objection_refetch (department, done, since);
