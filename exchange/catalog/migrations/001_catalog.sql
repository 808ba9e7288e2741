-- +goose Up
CREATE TABLE catalog_source (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  spec       TEXT NOT NULL
);
-- What is in force, or a draft that is the only version.
CREATE TABLE catalog_resource (
  code         TEXT PRIMARY KEY,
  department   TEXT NOT NULL,
  name         TEXT NOT NULL,
  state        TEXT NOT NULL,
  version      BIGINT NOT NULL,
  doc          TEXT NOT NULL,
  source       TEXT NOT NULL,
  source_table TEXT NOT NULL,
  published    BIGINT NOT NULL,
  withheld     BIGINT NOT NULL
);
CREATE INDEX catalog_resource_department ON catalog_resource (department, state);
CREATE INDEX catalog_resource_withheld ON catalog_resource (withheld, state, code);
CREATE TABLE catalog_version (
  code       TEXT NOT NULL,
  version    BIGINT NOT NULL,
  department TEXT NOT NULL,
  doc        TEXT NOT NULL,
  time       BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  published  BIGINT NOT NULL,
  PRIMARY KEY (code, version)
);
-- What others may see of the catalogue changed, in the order of commits. Rows are never removed: a reader's cursor
-- names one of them.
CREATE TABLE catalog_change (
  seq  BIGINT PRIMARY KEY,
  code TEXT NOT NULL,
  time BIGINT NOT NULL
);
CREATE INDEX catalog_change_code ON catalog_change (code, seq);
CREATE TABLE catalog_assessment (
  id         TEXT PRIMARY KEY,
  code       TEXT NOT NULL,
  department TEXT NOT NULL,
  version    BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  time       BIGINT NOT NULL
);
CREATE INDEX catalog_assessment_code ON catalog_assessment (code, version);
CREATE TABLE catalog_item (
  code       TEXT NOT NULL,
  stage      TEXT NOT NULL,
  name       TEXT NOT NULL,
  department TEXT NOT NULL,
  title      TEXT NOT NULL,
  title_key  TEXT NOT NULL,
  element    TEXT NOT NULL,
  PRIMARY KEY (code, stage, name)
);
CREATE INDEX catalog_item_title ON catalog_item (title_key);
CREATE INDEX catalog_item_element ON catalog_item (element);
CREATE TABLE catalog_register (
  item_key   TEXT PRIMARY KEY,
  element    TEXT NOT NULL,
  department TEXT NOT NULL,
  doc        TEXT NOT NULL,
  time       BIGINT NOT NULL
);
