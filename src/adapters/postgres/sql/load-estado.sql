-- COPY takes no parameters. No order: the pieces of a value tell how many they are.
COPY (
  SELECT clase, id, parte, partes, datos FROM estado WHERE instance_id = {instanceId} AND clase IN ({clases})
) TO STDOUT (FORMAT binary)
