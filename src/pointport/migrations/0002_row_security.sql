-- What a site's transactions may do, and the rows they see: their own.

GRANT SELECT ON site, api_key, transaction, event, audit_entry TO pointport_site;
GRANT INSERT ON api_key,
contact,
account,
transaction,
loyalty_import,
import_row,
event,
audit_entry TO pointport_site;
GRANT UPDATE ON api_key TO pointport_site;
-- The ledger, the events and the trail are added to; nothing in them is changed or taken away by a site.
GRANT SELECT, UPDATE ON contact, account, loyalty_import TO pointport_site;
GRANT SELECT, DELETE ON import_row TO pointport_site;
GRANT SELECT, INSERT, UPDATE, DELETE ON import_stage, import_ready TO pointport_site;
-- A step enqueues the next one in its own transaction.
GRANT SELECT, INSERT, UPDATE ON procrastinate_jobs, procrastinate_events TO pointport_site;
GRANT USAGE ON SEQUENCE procrastinate_jobs_id_seq, procrastinate_events_id_seq TO pointport_site;

-- The setting is read once for a statement, not once for a row: that is what the inner SELECT does. Unset, or left
-- empty by an earlier transaction, it is NULL, and equals nothing.
ALTER TABLE site ENABLE ROW LEVEL SECURITY;
CREATE POLICY site_own ON site TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE api_key ENABLE ROW LEVEL SECURITY;
CREATE POLICY api_key_own ON api_key TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE contact ENABLE ROW LEVEL SECURITY;
CREATE POLICY contact_own ON contact TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY account_own ON account TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE transaction ENABLE ROW LEVEL SECURITY;
CREATE POLICY transaction_own ON transaction TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE loyalty_import ENABLE ROW LEVEL SECURITY;
CREATE POLICY loyalty_import_own ON loyalty_import TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE import_row ENABLE ROW LEVEL SECURITY;
CREATE POLICY import_row_own ON import_row TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE event ENABLE ROW LEVEL SECURITY;
CREATE POLICY event_own ON event TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));

ALTER TABLE audit_entry ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_entry_own ON audit_entry TO pointport_site
USING (site_id = (SELECT nullif(current_setting('pointport.site_id', TRUE), '')::uuid));
