-- +goose Up
-- Facts that could not be put into the index, with the reason.
CREATE TABLE evidence_aside (
  epoch  BIGINT NOT NULL,
  batch  BIGINT NOT NULL,
  leaf   BIGINT NOT NULL,
  reason TEXT NOT NULL,
  since  BIGINT NOT NULL,
  PRIMARY KEY (epoch, batch, leaf)
);
