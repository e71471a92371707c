-- What the owner of a file says of how it is written; what is not said is found out.

ALTER TABLE loyalty_import ADD COLUMN reading jsonb NOT NULL DEFAULT '{}';

ALTER TABLE loyalty_import
ADD CONSTRAINT loyalty_import_reading_is_an_object CHECK (jsonb_typeof(reading) = 'object');
