SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint AS bytes,
  EXISTS (SELECT FROM {month} WHERE instance_id < $1) OR EXISTS (SELECT FROM {month} WHERE instance_id > $1) AS shared
FROM pg_partition_tree({literal}::regclass)
