-- Tables that come and go while CoreC runs. They are made and dropped by functions of the schema's owner, so that the user whom CoreC
-- runs as needs no right to create or drop anything (scripts/sql/grants.sql). Callers hold the advisory lock of migrator.ts.

-- What holds for the parent's users holds for a new part of it.
CREATE FUNCTION corec_same_rights(parent regclass, part regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  entry record;
BEGIN
  FOR entry IN
    SELECT a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS who
    FROM pg_class AS c, aclexplode(c.relacl) AS a
    WHERE c.oid = parent AND a.grantee <> c.relowner
  LOOP
    EXECUTE format('GRANT %s ON TABLE %s TO %s', entry.privilege_type, part, entry.who);
  END LOOP;
END
$$;

-- A month of bloques, made apart and then attached: attaching does not wait for readers and writers of the other months.
CREATE FUNCTION corec_make_month(month text, from_s double precision, to_s double precision) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF month !~ '^bloques_\d{4}_\d{2}$' THEN
    RAISE EXCEPTION 'no name of a month: %', month;
  END IF;
  IF to_regclass(quote_ident(month)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I (LIKE bloques INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY LIST (canal)', month);
  FOR canal IN 1..5 LOOP
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES IN (%s) WITH (toast_tuple_target = 4080)',
      month || '_' || canal, month, canal);
  END LOOP;
  EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT WITH (toast_tuple_target = 4080)', month || '_otros', month);
  PERFORM corec_same_rights('bloques', month::regclass);
  EXECUTE format('ALTER TABLE bloques ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month, from_s, to_s);
  RETURN true;
END
$$;

-- False: somebody else has rows in it, or it is no month of bloques. The parent is locked first, in the order of those who write.
CREATE FUNCTION corec_drop_month(month text, instance text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  shared boolean;
BEGIN
  LOCK TABLE ONLY bloques IN ACCESS EXCLUSIVE MODE;
  IF month !~ '^bloques_\d{4}_\d{2}$' OR NOT EXISTS (
    SELECT FROM pg_inherits WHERE inhparent = 'bloques'::regclass AND inhrelid = to_regclass(quote_ident(month))
  ) THEN
    RETURN false;
  END IF;
  EXECUTE format(
    'SELECT EXISTS (SELECT FROM %1$I WHERE instance_id < $1) OR EXISTS (SELECT FROM %1$I WHERE instance_id > $1)', month
  ) INTO shared USING instance;
  IF shared THEN
    RETURN false;
  END IF;
  EXECUTE format('DROP TABLE %I', month);
  RETURN true;
END
$$;

-- The part of estado of one instance. Rows of tramos 1 and 2 come by the thousand and go by truncation:
-- neither statistics nor a vacuum for insertions would serve them.
CREATE FUNCTION corec_make_instance(instance text, part text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
  often CONSTANT text := ', autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2000000000';
BEGIN
  IF part !~ '^estado_[a-z0-9_]+$' THEN
    RAISE EXCEPTION 'no name of a part of estado: %', part;
  END IF;
  IF to_regclass(quote_ident(part)) IS NOT NULL THEN
    RETURN false;
  END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF estado FOR VALUES IN (%L) PARTITION BY LIST (tramo)', part, instance);
  PERFORM corec_same_rights('estado', part::regclass);
  FOR tramo IN 0..2 LOOP
    EXECUTE format(
      'CREATE TABLE %I PARTITION OF %I (PRIMARY KEY (clase, id, epoca, parte)) FOR VALUES IN (%s) WITH (toast_tuple_target = 8160%s)',
      part || '_' || tramo, part, tramo, CASE tramo WHEN 0 THEN '' ELSE often END);
    PERFORM corec_same_rights('estado', (part || '_' || tramo)::regclass);
  END LOOP;
  RETURN true;
END
$$;

-- They run as their owner: whoever calls them must not choose what their names mean.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOREACH f IN ARRAY ARRAY[
    'corec_same_rights(regclass, regclass)',
    'corec_make_month(text, double precision, double precision)',
    'corec_drop_month(text, text)',
    'corec_make_instance(text, text)'
  ]::regprocedure[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
    EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', f);
  END LOOP;
END
$$;
