/**
 * The specification's smallest machine (section 3: 2 GB of memory, 10 GB of disk): the shipped configuration with its million, and a
 * million learned claves beside it, run inside both limits.
 */
import assert from 'node:assert/strict';
import {
  createReadStream,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
  closeSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findSocket, socketPathOf } from '#http/socket-path.ts';
import { killAll, postgresPids, startCoreC, type CoreCProcess } from '../../support/corec-process.ts';
import { makeMemoryGroup, makeSmallDisk } from '../../support/limited.ts';
import { until } from '../../support/until.ts';

const SHIPPED = fileURLToPath(new URL('../../../corec_config.json', import.meta.url));
const GB = 1024 ** 3;
const CLAVES = 1_000_000;
const LOTE_ROWS = 20_000;

function writeLotes(path: string): void {
  const file = openSync(path, 'w');
  for (let from = 0; from < CLAVES; from += LOTE_ROWS) {
    let text = '';
    for (let k = from; k < from + LOTE_ROWS; k++)
      text += `{"clave":"cosa-${k}","valor":${k % 97},"ts":${1_700_000_000_000 + k}}\n`;
    writeSync(file, text);
  }
  closeSync(file);
}

/** The file in lotes of about 1 MB over the unix socket, each acknowledged. */
async function send(t: TestContext, dataDir: string, path: string): Promise<void> {
  let rest = '';
  let n = 0;
  const post = (body: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const req = request(
        {
          socketPath: findSocket(socketPathOf(dataDir)),
          method: 'POST',
          path: '/api/lecturas?bloque=cosas',
          headers: { host: 'localhost', 'content-type': 'application/x-ndjson', 'x-lote-id': `l${n}` },
        },
        (res) => {
          res.resume();
          res.on('end', () => resolve(res.statusCode ?? 0));
        },
      );
      req.on('error', reject);
      req.end(body);
    });
  const sendAll = async (body: string): Promise<void> => {
    await until(`lote ${n} is acknowledged`, async () => (await post(body)) === 200, 60_000);
    n++;
  };
  for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 1 << 20 })) {
    const text = rest + String(chunk);
    const end = text.lastIndexOf('\n') + 1;
    rest = text.slice(end);
    await sendAll(text.slice(0, end));
  }
  if (rest !== '') await sendAll(rest);
  t.diagnostic(`${n} lotes acknowledged`);
}

test(
  'the shipped million and a million learned claves fit 2 GB of memory and 10 GB of disk',
  { timeout: 240_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'corec-limits-'));
    const disk = makeSmallDisk(folder, 10 * GB);
    const group = makeMemoryGroup(`corec-test-${process.pid}`, 2 * GB);
    t.diagnostic(
      `limits set: memory ${group === null ? 'no (not allowed here)' : '2 GB'}, disk ${disk === null ? 'no (not allowed here)' : '10 GB'}`,
    );
    const dataDir = join(disk?.path ?? folder, 'data');
    mkdirSync(dataDir, { mode: 0o700 });
    const config = {
      ...(JSON.parse(readFileSync(SHIPPED, 'utf8')) as Record<string, unknown>),
      data_dir: dataDir,
      http: null,
      logs: { ruta: join(folder, 'corec.log') },
    };
    const configPath = join(folder, 'corec_config.json');
    writeFileSync(configPath, JSON.stringify({ ...config, plugins: [] }));
    const input = join(folder, 'claves.ndjson');
    writeLotes(input);

    const started: CoreCProcess[] = [];
    const start = (): CoreCProcess => {
      const corec = startCoreC(configPath, dataDir);
      started.push(corec);
      group?.add(corec.child.pid!);
      return corec;
    };
    // in this order: nothing may be left in what is taken away
    t.after(async () => {
      for (const corec of started) await corec.end('SIGKILL');
      killAll(postgresPids(dataDir));
      await until('all processes are gone', () => postgresPids(dataDir).length === 0);
      disk?.remove();
      group?.remove();
      rmSync(folder, { recursive: true, force: true });
    });

    const corec = start();
    await corec.ready();
    await send(t, dataDir, input);
    const status = (await corec.json('/api/status')) as {
      entidades: number;
      ligadas: number;
      rssMb: number;
      fallos: number;
    };
    assert.ok(status.entidades >= 2_000_000, `${status.entidades} entidades`);
    assert.ok(status.ligadas >= CLAVES, `${status.ligadas} bound`);
    assert.ok(status.rssMb < 1024, `${status.rssMb} MB resident in Node`);
    // the stop commits an epoch of everything
    assert.equal(await corec.end('SIGTERM'), 0, corec.output());
    if (group !== null) {
      assert.equal(group.kills(), 0, 'a process was killed for want of memory');
      t.diagnostic(
        `peak of Node and PostgreSQL, file cache included: ${Math.round(group.peakBytes() / 1024 ** 2)} MB of 2048`,
      );
    }
    if (disk !== null) {
      t.diagnostic(`disk used: ${Math.round(disk.usedBytes() / 1024 ** 2)} MB of 10240`);
      assert.ok(disk.usedBytes() < 2 * GB);
    }

    const again = start();
    await again.ready();
    const restored = (await again.json('/api/status')) as { restored_entidades: number };
    assert.ok(restored.restored_entidades >= CLAVES, `${restored.restored_entidades} restored`);
    assert.equal(await again.end('SIGTERM'), 0, again.output());
  },
);
