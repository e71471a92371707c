-- What the owner of a file says of how it is written, and more that parsing finds out.

ALTER TABLE loyalty_import ADD COLUMN reading jsonb NOT NULL DEFAULT '{}';

ALTER TABLE loyalty_import
ADD CONSTRAINT loyalty_import_reading_is_an_object CHECK (jsonb_typeof(reading) = 'object');

-- Imports that were parsed before: their quotes were doubled, and a row had the cells of its heading.
UPDATE loyalty_import
SET
    detected = jsonb_build_object(
        'escape', NULL, 'row_cells', 0, 'sheet', NULL, 'notices', '[]'::jsonb
    ) || detected
WHERE detected IS NOT NULL;
