-- Requests that may be sent again: what a key was used for, and what was answered.

CREATE TABLE idempotency_key (
    site_id uuid NOT NULL,
    key text NOT NULL CHECK (char_length(key) BETWEEN 1 AND 255),
    -- Which call it was sent to, and with which body.
    call text NOT NULL,
    body_sha256 bytea NOT NULL CHECK (octet_length(body_sha256) = 32),
    -- Null only inside the transaction that does what was asked.
    answer jsonb CHECK (jsonb_typeof(answer) = 'object'),
    created_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, key)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_key TO pointport_site;

ALTER TABLE idempotency_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY idempotency_key_own ON idempotency_key TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
