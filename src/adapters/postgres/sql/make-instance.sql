-- The part of estado of one instance. Rows of tramos 1 and 2 come by the thousand and go by truncation:
-- neither statistics nor a vacuum for insertions would serve them.
CREATE TABLE {instance} PARTITION OF estado FOR VALUES IN ({instanceId}) PARTITION BY LIST (tramo);
CREATE TABLE {tramo0} PARTITION OF {instance} (PRIMARY KEY (clase, id, epoca, parte)) FOR VALUES IN (0)
  WITH (toast_tuple_target = 8160);
CREATE TABLE {tramo1} PARTITION OF {instance} (PRIMARY KEY (clase, id, epoca, parte)) FOR VALUES IN (1)
  WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2000000000);
CREATE TABLE {tramo2} PARTITION OF {instance} (PRIMARY KEY (clase, id, epoca, parte)) FOR VALUES IN (2)
  WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_threshold = 2000000000);
