/**
 * What fields are usually called, for guessing a mapping: lower case, letters and digits only, the surest first. These are
 * names met in other people's data, in the languages they come in.
 */

const words = (text: string): readonly string[] => text.split(/\s+/);

const TS_NAMES = words(
  `ts tsms timestamp time datetime eventtime timestamputc utc timestampms timems epoch epochms unixtime fechahora fecha hora
  date day dia momento when createdat measuredat recordedat sampledat receivedat at t zeit datum index`,
);

const CLAVE_NAMES = words(
  `clave sensor sensorid sensorname dispositivo device deviceid devicename entidad entity entityid host hostname server
  servidor instance node nodo metric metrica metricname series seriesid serie tag tagname key name nombre station stationid
  stationname estacion stop stopid parada route routeid ruta line linea account accountid cuenta customer customerid cliente
  user userid usuario machine machineid maquina unit meter meterid medidor location symbol channel topic item itemid asset
  equipo id uid uuid code codigo`,
);

const VALOR_NAMES = words('valor value val v lectura reading medida medicion measurement measure metricvalue sample y');

/** A name's rank among those usual for a role, or -1. */
function rank(names: readonly string[], name: string): number {
  return names.indexOf(
    name
      .normalize('NFD')
      .toLowerCase()
      .replace(/[^a-z0-9]/g, ''),
  );
}

export const rankTs = (name: string): number => rank(TS_NAMES, name);
export const rankClave = (name: string): number => rank(CLAVE_NAMES, name);
export const rankValor = (name: string): number => rank(VALOR_NAMES, name);
