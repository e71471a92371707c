-- Events of many accounts at once, in the transaction that changed them all: those with an entry of this very moment,
-- and those made in it. The indexes on the two dates lead to them.

-- name: insert_account_events
-- For each new account that it was made; for each entry that the account and its points have changed. The ids count on
-- from the batch's first.
INSERT INTO event (site_id, id, event_type, entity_id, sequence, payload, actor, created_date)
SELECT
    told.site_id,
    (
        left(%(first_id)s::text, 28)
        || lpad(to_hex(row_number() OVER (PARTITION BY told.site_id ORDER BY told.id, told.event_type)), 8, '0')
    )::uuid AS id,
    told.event_type,
    told.id AS entity_id,
    told.revision AS sequence,
    to_jsonb(told) - 'event_type' AS payload,
    %(actor)s AS actor,
    %(now)s AS created_date
FROM (
    SELECT account.*, contact.email, contact.first_name, contact.last_name, kind.event_type
    FROM transaction
    INNER JOIN account ON transaction.site_id = account.site_id AND transaction.account_id = account.id
    INNER JOIN contact ON account.site_id = contact.site_id AND account.id = contact.id
    CROSS JOIN unnest(%(changed_types)s::text[]) AS kind (event_type)
    WHERE
        transaction.site_id = %(site_id)s AND transaction.created_date = %(now)s
        AND (
            transaction.import_id = %(cause_id)s
            OR starts_with(transaction.idempotency_key, %(cause_id)s::text || ':')
        )
    UNION ALL
    SELECT account.*, contact.email, contact.first_name, contact.last_name, kind.event_type
    FROM account
    INNER JOIN contact ON account.site_id = contact.site_id AND account.id = contact.id
    CROSS JOIN unnest(%(created_types)s::text[]) AS kind (event_type)
    WHERE account.site_id = %(site_id)s AND account.created_date = %(now)s
) AS told;
