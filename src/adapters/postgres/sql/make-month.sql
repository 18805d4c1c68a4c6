-- A month of bloques, made apart and then attached: attaching does not wait for readers of the other months.
CREATE TABLE {month} (LIKE bloques INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY LIST (canal);
CREATE TABLE {canal1} PARTITION OF {month} FOR VALUES IN (1) WITH (toast_tuple_target = 4080);
CREATE TABLE {canal2} PARTITION OF {month} FOR VALUES IN (2) WITH (toast_tuple_target = 4080);
CREATE TABLE {canal3} PARTITION OF {month} FOR VALUES IN (3) WITH (toast_tuple_target = 4080);
CREATE TABLE {canal4} PARTITION OF {month} FOR VALUES IN (4) WITH (toast_tuple_target = 4080);
CREATE TABLE {canal5} PARTITION OF {month} FOR VALUES IN (5) WITH (toast_tuple_target = 4080);
CREATE TABLE {others} PARTITION OF {month} DEFAULT WITH (toast_tuple_target = 4080);
ALTER TABLE bloques ATTACH PARTITION {month} FOR VALUES FROM ({from}) TO ({to});
