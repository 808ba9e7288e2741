-- +goose Up
-- Lists of entries are paged by code: of a department, and of those that wait for the authority.
CREATE INDEX catalog_entry_place ON catalog_entry (department, code);
CREATE INDEX catalog_entry_state ON catalog_entry (state, code);
CREATE INDEX catalog_resource_withheld ON catalog_resource (withheld, state, code);
