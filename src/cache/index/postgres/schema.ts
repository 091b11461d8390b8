/**
 * The steps of the schema, for the schema's quoted name. Forward-only: a step, once released, is never changed, and
 * leaves whole what the release before it needs, because replicas of both work side by side while one replaces the
 * other. A function that must change gets a new name.
 *
 * The tables are those of the embedded index (sqlite/migrations.ts). Names compare by their bytes: COLLATE "C".
 * Ids and the order of commits come from sequences, which never give a number twice.
 */
export const STEPS: readonly ((schema: string) => string)[] = [
  (s) => `
  CREATE TABLE ${s}.secrets (name text PRIMARY KEY, value bytea NOT NULL);

  CREATE TABLE ${s}.spaces (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    UNIQUE (tenant, scope, version)
  );
  CREATE TABLE ${s}.owners (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    pool text COLLATE "C" NOT NULL,
    entries bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    UNIQUE (tenant, pool)
  ) WITH (fillfactor = 50);
  CREATE INDEX owners_pool ON ${s}.owners (pool);

  CREATE SEQUENCE ${s}.commits;
  CREATE TABLE ${s}.entries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    space bigint NOT NULL REFERENCES ${s}.spaces (id),
    owner bigint NOT NULL REFERENCES ${s}.owners (id),
    key text COLLATE "C" NOT NULL,
    upload text COLLATE "C" NOT NULL UNIQUE,
    active_at bigint NOT NULL,
    sequence bigint,
    size bigint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL DEFAULT 0,
    used_at bigint NOT NULL DEFAULT 0,
    durable boolean NOT NULL DEFAULT false,
    UNIQUE (space, key)
  );
  CREATE INDEX entries_newest ON ${s}.entries (space, sequence) WHERE sequence IS NOT NULL;
  CREATE INDEX entries_used ON ${s}.entries (used_at, id) WHERE sequence IS NOT NULL;
  CREATE INDEX entries_owner ON ${s}.entries (owner, used_at, id) WHERE sequence IS NOT NULL;
  CREATE INDEX entries_open ON ${s}.entries (active_at) WHERE sequence IS NULL;
  CREATE INDEX entries_undurable ON ${s}.entries (id) WHERE NOT durable AND sequence IS NOT NULL;

  CREATE TABLE ${s}.parts (
    entry bigint NOT NULL REFERENCES ${s}.entries (id) ON DELETE CASCADE,
    number integer NOT NULL,
    blob text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    crc32 bigint,
    mark text,
    PRIMARY KEY (entry, number)
  );
  CREATE INDEX parts_blob ON ${s}.parts (blob);
  CREATE TABLE ${s}.contents (
    entry bigint NOT NULL REFERENCES ${s}.entries (id) ON DELETE CASCADE,
    position integer NOT NULL,
    number integer NOT NULL,
    blob text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    crc32 bigint,
    mark text,
    PRIMARY KEY (entry, position)
  );
  CREATE INDEX contents_blob ON ${s}.contents (blob);

  CREATE TABLE ${s}.creations (
    tenant text COLLATE "C" NOT NULL,
    at bigint NOT NULL,
    upload text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant, at, upload)
  );
  CREATE INDEX creations_at ON ${s}.creations (at);

  CREATE TABLE ${s}.quarantined (
    id bigint PRIMARY KEY,
    tenant text COLLATE "C" NOT NULL,
    pool text COLLATE "C" NOT NULL,
    scope text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    created_at bigint NOT NULL,
    used_at bigint NOT NULL,
    reason text NOT NULL,
    at bigint NOT NULL
  );
  CREATE INDEX quarantined_at ON ${s}.quarantined (at, id);
  CREATE TABLE ${s}.quarantined_blobs (
    entry bigint NOT NULL REFERENCES ${s}.quarantined (id) ON DELETE CASCADE,
    blob text COLLATE "C" NOT NULL,
    PRIMARY KEY (entry, blob)
  );
  CREATE INDEX quarantined_blobs_blob ON ${s}.quarantined_blobs (blob);

  -- No way of adding or dropping an entry can forget the usage.
  CREATE FUNCTION ${s}.count_commit() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE ${s}.owners SET entries = entries + 1, size = size + new.size WHERE id = new.owner;
    RETURN NULL;
  END $$;
  CREATE TRIGGER count_commit AFTER UPDATE OF sequence ON ${s}.entries FOR EACH ROW
    WHEN (old.sequence IS NULL AND new.sequence IS NOT NULL) EXECUTE FUNCTION ${s}.count_commit();
  CREATE FUNCTION ${s}.count_drop() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    UPDATE ${s}.owners SET entries = entries - 1, size = size - old.size WHERE id = old.owner;
    RETURN NULL;
  END $$;
  CREATE TRIGGER count_drop AFTER DELETE ON ${s}.entries FOR EACH ROW
    WHEN (old.sequence IS NOT NULL) EXECUTE FUNCTION ${s}.count_drop();

  -- A whole look-up in one round trip: the rules of sqlite/find.ts. A plan that was made while the tables were small
  -- must not stay when they have grown, so none may read a whole table.
  CREATE FUNCTION ${s}.find_entry(of_tenant text, of_version text, scopes text[], keys text[], ends text[])
  RETURNS TABLE (id bigint, scope text, key text, size bigint, created_at bigint, used_at bigint)
  LANGUAGE plpgsql STABLE SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
  #variable_conflict use_column
  DECLARE
    in_scope text;
    in_space bigint;
    found_id bigint;
    seen bigint;
    reach bigint;
  BEGIN
    FOR n IN 1 .. cardinality(keys) LOOP
      IF scopes[n] IS DISTINCT FROM in_scope THEN
        in_scope := scopes[n];
        SELECT o.id INTO in_space FROM ${s}.spaces o
          WHERE o.tenant = of_tenant AND o.scope = in_scope AND o.version = of_version;
      END IF;
      CONTINUE WHEN in_space IS NULL;
      SELECT e.id INTO found_id FROM ${s}.entries e
        WHERE e.space = in_space AND e.key = keys[n] AND e.sequence IS NOT NULL;
      reach := 12;
      WHILE found_id IS NULL LOOP
        SELECT count(*), (max(ARRAY[r.sequence, r.id]) FILTER (WHERE r.sequence IS NOT NULL))[2]
          INTO seen, found_id FROM (
            SELECT e.id, e.sequence FROM ${s}.entries e WHERE e.space = in_space AND e.key >= keys[n]
              AND e.key < ends[n] ORDER BY e.key LIMIT reach
          ) r;
        EXIT WHEN seen < reach;
        SELECT r.id INTO found_id FROM (
            SELECT e.id, e.key, e.sequence FROM ${s}.entries e
              WHERE e.space = in_space AND e.sequence IS NOT NULL ORDER BY e.sequence DESC LIMIT reach
          ) r WHERE r.key >= keys[n] AND r.key < ends[n] ORDER BY r.sequence DESC LIMIT 1;
        reach := reach * 8;
      END LOOP;
      IF found_id IS NOT NULL THEN
        RETURN QUERY SELECT e.id, in_scope, e.key::text, e.size, e.created_at, e.used_at
          FROM ${s}.entries e WHERE e.id = found_id;
        RETURN;
      END IF;
    END LOOP;
  END $$;

  -- Answers -2 for reserved, -1 for taken, else how long to wait, in ms.
  CREATE FUNCTION ${s}.reserve_entry(
    of_tenant text, of_pool text, of_scope text, of_version text, of_key text, of_upload text, at_now bigint,
    most bigint, window_ms bigint
  ) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
  #variable_conflict use_column
  DECLARE
    in_space bigint;
    of_owner bigint;
    in_the_way bigint;
  BEGIN
    SELECT id INTO in_space FROM ${s}.spaces
      WHERE tenant = of_tenant AND scope = of_scope AND version = of_version;
    IF EXISTS (SELECT FROM ${s}.entries WHERE space = in_space AND key = of_key) THEN RETURN -1; END IF;
    -- A clock that was far ahead must not count against the tenant until its time has come.
    DELETE FROM ${s}.creations WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM ${s}.creations
      WHERE tenant = of_tenant AND (at <= at_now - window_ms OR at > at_now + window_ms) FOR UPDATE SKIP LOCKED
    ));
    IF most IS NOT NULL THEN
      IF most < 1 THEN RETURN window_ms; END IF;
      -- Two at once must not both find room for the last one.
      PERFORM pg_advisory_xact_lock(hashtextextended(of_tenant, 0));
      SELECT at INTO in_the_way FROM ${s}.creations
        WHERE tenant = of_tenant AND at > at_now - window_ms AND at <= at_now + window_ms
        ORDER BY at DESC LIMIT 1 OFFSET most - 1;
      IF in_the_way IS NOT NULL THEN RETURN least(in_the_way - at_now, 0) + window_ms; END IF;
    END IF;
    INSERT INTO ${s}.spaces (tenant, scope, version) VALUES (of_tenant, of_scope, of_version)
      ON CONFLICT DO NOTHING;
    INSERT INTO ${s}.owners (tenant, pool) VALUES (of_tenant, of_pool) ON CONFLICT DO NOTHING;
    SELECT id INTO in_space FROM ${s}.spaces
      WHERE tenant = of_tenant AND scope = of_scope AND version = of_version;
    SELECT id INTO of_owner FROM ${s}.owners WHERE tenant = of_tenant AND pool = of_pool;
    -- The space was dropped for being empty in this moment: the caller tries again.
    IF in_space IS NULL THEN RAISE SQLSTATE '40001'; END IF;
    INSERT INTO ${s}.entries (space, owner, key, upload, active_at)
      VALUES (in_space, of_owner, of_key, of_upload, at_now) ON CONFLICT (space, key) DO NOTHING;
    IF NOT FOUND THEN RETURN -1; END IF;
    INSERT INTO ${s}.creations (tenant, at, upload) VALUES (of_tenant, at_now, of_upload);
    RETURN -2;
  END $$;

  -- Answers nothing when the upload or a part is gone.
  CREATE FUNCTION ${s}.commit_entry(
    of_tenant text, of_upload text, numbers integer[], blobs text[], crcs bigint[], marks text[], total bigint,
    at_now bigint
  ) RETURNS TABLE (id bigint, scope text, key text, version text, dropped text[])
  LANGUAGE plpgsql SET enable_seqscan = off AS $$
  #variable_conflict use_column
  DECLARE
    of_entry bigint;
    present bigint;
    left_out text[];
  BEGIN
    SELECT e.id INTO of_entry FROM ${s}.entries e JOIN ${s}.spaces o ON o.id = e.space
      WHERE e.upload = of_upload AND o.tenant = of_tenant AND e.sequence IS NULL FOR UPDATE OF e;
    IF of_entry IS NULL THEN RETURN; END IF;
    SELECT count(*) INTO present FROM unnest(numbers, blobs) AS c (number, blob)
      JOIN ${s}.parts p ON p.entry = of_entry AND p.number = c.number AND p.blob = c.blob;
    IF present <> cardinality(numbers) THEN RETURN; END IF;
    INSERT INTO ${s}.contents (entry, position, number, blob, size, crc32, mark)
      SELECT of_entry, c.position, p.number, p.blob, p.size, c.crc32, c.mark
      FROM unnest(numbers, crcs, marks) WITH ORDINALITY AS c (number, crc32, mark, position)
      JOIN ${s}.parts p ON p.entry = of_entry AND p.number = c.number;
    SELECT coalesce(array_agg(p.blob::text), '{}') INTO left_out FROM ${s}.parts p
      WHERE p.entry = of_entry AND p.blob <> ALL (blobs);
    DELETE FROM ${s}.parts p WHERE p.entry = of_entry;
    UPDATE ${s}.entries e SET sequence = nextval('${s}.commits'), size = total, created_at = at_now,
      used_at = at_now WHERE e.id = of_entry;
    RETURN QUERY SELECT e.id, o.scope::text, e.key::text, o.version::text, left_out
      FROM ${s}.entries e JOIN ${s}.spaces o ON o.id = e.space WHERE e.id = of_entry;
  END $$;
  `,
];
