"""The specification's own design as it would be written in Python: a coroutine an entidad, gathered by bloques of a thousand, mensajes packed
and unpacked with struct, fitness with statistics. Prints the milliseconds of each sweep as one JSON array."""

import asyncio
import json
import statistics
import struct
import sys
import time

ENTIDADES = int(sys.argv[1])
POR_BLOQUE = int(sys.argv[2])
SWEEPS = int(sys.argv[3])
MENSAJE = struct.Struct("!Ibf?")


def crear_entidad(n):
    async def procesar():
        return {"valor": (n * 7919 % 1000) / 1000}

    return (f"m{n}", 1, procesar, True)


async def procesar_bloque(entidades, desde, umbral):
    respuestas = await asyncio.gather(*(e[2]() for e in entidades), return_exceptions=True)
    mensajes = []
    for k, respuesta in enumerate(respuestas):
        valido = isinstance(respuesta, dict)
        mensajes.append(MENSAJE.pack(desde + k, 1, respuesta["valor"] if valido else 0.0, valido))
    valores = []
    errores = 0
    for mensaje in mensajes:
        _, _, valor, activo = MENSAJE.unpack(mensaje)
        if activo:
            valores.append(valor)
        else:
            errores += 1
    desviacion = statistics.stdev(valores)
    return (1 - errores / len(entidades)) * umbral / (umbral + desviacion)


async def main():
    entidades = [crear_entidad(n) for n in range(ENTIDADES)]
    bloques = [(d, entidades[d : d + POR_BLOQUE]) for d in range(0, ENTIDADES, POR_BLOQUE)]
    times = []
    for _ in range(SWEEPS):
        start = time.perf_counter()
        for desde, bloque in bloques:
            await procesar_bloque(bloque, desde, 9.0)
        times.append((time.perf_counter() - start) * 1000)
    print(json.dumps(times))


asyncio.run(main())
