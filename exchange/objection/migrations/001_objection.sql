-- +goose Up
CREATE TABLE objection_correction (
  id         TEXT NOT NULL,
  role       TEXT NOT NULL,
  department TEXT NOT NULL,
  member     TEXT NOT NULL,
  agreement  TEXT NOT NULL,
  state      TEXT NOT NULL,
  doc        TEXT NOT NULL,
  updated    BIGINT NOT NULL,
  PRIMARY KEY (id, role)
);
CREATE INDEX objection_correction_department ON objection_correction (department, updated);
CREATE TABLE objection_refetch (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  agreement  TEXT NOT NULL,
  done       BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  since      BIGINT NOT NULL
);
CREATE INDEX objection_refetch_department ON objection_refetch (department, done, since);
CREATE TABLE objection_dispute (
  id         TEXT NOT NULL,
  role       TEXT NOT NULL,
  department TEXT NOT NULL,
  member     TEXT NOT NULL,
  state      TEXT NOT NULL,
  doc        TEXT NOT NULL,
  updated    BIGINT NOT NULL,
  PRIMARY KEY (id, role)
);
CREATE INDEX objection_dispute_department ON objection_dispute (department, updated);
