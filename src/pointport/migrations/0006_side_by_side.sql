-- Several sessions apply an import side by side, each its own chunks.

-- Rows that were lined up before this know nothing of accounts: they are staged again, from the file.
TRUNCATE import_stage, import_ready;

-- Whether there was an account when the row was lined up. One that has come since is met when the row is applied.
ALTER TABLE import_ready ADD COLUMN has_account boolean NOT NULL;

-- What is applied in one transaction: a range of positions. Unlogged as the rows are, and lost together with them.
CREATE UNLOGGED TABLE import_chunk (
    site_id uuid NOT NULL,
    import_id uuid NOT NULL,
    first_position bigint NOT NULL,
    last_position bigint NOT NULL,
    -- When it was applied; null while it waits. No two chunks of an import share a moment: by it their entries are told
    -- apart.
    applied_date timestamptz,
    PRIMARY KEY (site_id, import_id, first_position),
    UNIQUE (site_id, import_id, applied_date),
    CONSTRAINT import_chunk_is_a_range CHECK (first_position >= 1 AND last_position >= first_position)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON import_chunk TO pointport_site;

ALTER TABLE import_chunk ENABLE ROW LEVEL SECURITY;
CREATE POLICY import_chunk_own ON import_chunk TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
