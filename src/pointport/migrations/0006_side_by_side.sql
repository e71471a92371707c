-- Several sessions apply an import side by side, each its own chunks.

-- Rows that were lined up before this know nothing of accounts: they are staged again, from the file.
TRUNCATE import_stage, import_ready;

-- Whether the contact is taken to have an account. Where that is wrong, it shows when the row is applied.
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

-- Rows that pass through are deleted, and their room is free for the next import only once they are vacuumed: soon, and
-- without the pauses that spare a busy disk, since the next one may come at once. By the default share of a table, the
-- largest import ever would decide when the small ones after it are cleared away.
ALTER TABLE import_stage SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0
);
ALTER TABLE import_ready SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0
);

-- An import may change every account: what it leaves behind lies in the same pages, half of which are kept free for it,
-- so only what has no room there is for the vacuum. Statistics follow sooner than by default, since a site that is
-- new to them is read by estimates that know nothing of it.
ALTER TABLE account SET (autovacuum_vacuum_scale_factor = 0.1, autovacuum_analyze_scale_factor = 0.02);
ALTER TABLE contact SET (autovacuum_analyze_scale_factor = 0.02);
