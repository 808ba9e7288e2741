-- +goose Up
ALTER TABLE agreement_standing ADD COLUMN under TEXT NOT NULL DEFAULT '';
CREATE INDEX agreement_standing_under ON agreement_standing (under);
