-- Events, kept until somebody listens.

-- name: insert_event
-- What happened, in the transaction that makes it happen.
INSERT INTO event (site_id, id, event_type, entity_id, payload, created_date)
VALUES (%(site_id)s, %(id)s, %(event_type)s, %(entity_id)s, %(payload)s, %(now)s);
