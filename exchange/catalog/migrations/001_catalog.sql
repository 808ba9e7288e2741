-- +goose Up
CREATE TABLE catalog_source (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  spec       TEXT NOT NULL
);
CREATE TABLE catalog_resource (
  code       TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  name       TEXT NOT NULL,
  state      TEXT NOT NULL,
  version    BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  source     TEXT NOT NULL,
  source_table TEXT NOT NULL,
  published  BIGINT NOT NULL
);
CREATE INDEX catalog_resource_department ON catalog_resource (department, state);
CREATE TABLE catalog_version (
  code    TEXT NOT NULL,
  version BIGINT NOT NULL,
  doc     TEXT NOT NULL,
  time    BIGINT NOT NULL,
  actor   TEXT NOT NULL,
  PRIMARY KEY (code, version)
);
