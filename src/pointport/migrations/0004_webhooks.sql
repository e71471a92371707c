-- Who is told of what happens, and what became of telling them.

-- A subscription: where to, and of what.
CREATE TABLE webhook (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    target_url text NOT NULL CHECK (char_length(target_url) BETWEEN 1 AND 2000),
    event_types text[] NOT NULL CHECK (cardinality(event_types) > 0),
    is_enabled boolean NOT NULL,
    revision bigint NOT NULL CHECK (revision >= 1),
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);

-- The keys that sign. At most one signs at a time; one that waits is the next, and its public half can be handed out.
CREATE TABLE signing_key (
    site_id uuid NOT NULL REFERENCES site,
    id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('WAITING', 'SIGNING', 'RETIRED')),
    public_key text NOT NULL,
    -- PKCS #8, encrypted with a passphrase made of the server's secret: a copy of the database signs nothing.
    private_key text NOT NULL,
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, id)
);

CREATE UNIQUE INDEX signing_key_in_use ON signing_key (site_id, status) WHERE status <> 'RETIRED';

-- Nobody could have asked for events before now.
DELETE FROM event;
ALTER TABLE event ADD COLUMN sequence bigint NOT NULL;
ALTER TABLE event ADD COLUMN actor text NOT NULL;

-- An event on its way to one subscriber. No foreign key to the event, nor to the subscription: either may go first.
CREATE TABLE webhook_delivery (
    site_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_id uuid NOT NULL,
    status text NOT NULL CHECK (status IN ('PENDING', 'DELIVERED', 'FAILED')),
    attempts integer NOT NULL CHECK (attempts >= 0),
    -- How many attempts since it was begun or sent again: the next pause depends on it.
    retries integer NOT NULL CHECK (retries >= 0),
    next_attempt_date timestamptz,
    created_date timestamptz NOT NULL,
    updated_date timestamptz NOT NULL,
    PRIMARY KEY (site_id, webhook_id, event_id),
    CONSTRAINT webhook_delivery_pending_has_date CHECK ((next_attempt_date IS NOT NULL) = (status = 'PENDING'))
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (site_id, webhook_id, next_attempt_date, event_id)
WHERE status = 'PENDING';
CREATE INDEX webhook_delivery_created ON webhook_delivery (site_id, webhook_id, created_date, event_id);

-- What came of each try.
CREATE TABLE webhook_attempt (
    site_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event_id uuid NOT NULL,
    attempt integer NOT NULL CHECK (attempt >= 1),
    attempted_date timestamptz NOT NULL,
    duration_milliseconds integer NOT NULL CHECK (duration_milliseconds >= 0),
    -- The HTTP status that came back, or else why none did.
    status_code integer,
    error text CHECK (char_length(error) <= 500),
    PRIMARY KEY (site_id, webhook_id, event_id, attempt),
    CONSTRAINT webhook_attempt_has_one_outcome CHECK ((status_code IS NULL) <> (error IS NULL))
);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook, webhook_delivery TO pointport_site;
GRANT SELECT, INSERT, UPDATE ON signing_key TO pointport_site;
GRANT SELECT, INSERT, DELETE ON webhook_attempt TO pointport_site;
GRANT DELETE ON event TO pointport_site;

ALTER TABLE webhook ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_own ON webhook TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE signing_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY signing_key_own ON signing_key TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_delivery_own ON webhook_delivery TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE webhook_attempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY webhook_attempt_own ON webhook_attempt TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
