-- +goose Up
CREATE TABLE scheme_scheme (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  state      TEXT NOT NULL,
  doc        TEXT NOT NULL,
  updated    BIGINT NOT NULL
);
CREATE INDEX scheme_scheme_updated ON scheme_scheme (updated);
CREATE TABLE scheme_version (
  id      TEXT NOT NULL,
  version BIGINT NOT NULL,
  hash    TEXT NOT NULL,
  bytes   TEXT NOT NULL,
  time    BIGINT NOT NULL,
  PRIMARY KEY (id, version)
);
CREATE TABLE scheme_consent (
  id      TEXT NOT NULL,
  version BIGINT NOT NULL,
  member  TEXT NOT NULL,
  hash    TEXT NOT NULL,
  time    BIGINT NOT NULL,
  PRIMARY KEY (id, version, member)
);
CREATE TABLE scheme_enrolment (
  scheme     TEXT NOT NULL,
  department TEXT NOT NULL,
  doc        TEXT NOT NULL,
  PRIMARY KEY (scheme, department)
);
