import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NoticeGate, type GateNotice } from '#domain/episodio/notice-gate.ts';
import type { AlertaNotice } from '#ports/sink.ts';

type Evento = 'abierta' | 'actualizada' | 'cerrada';

const notice = (evento: Evento, id: string, more: Partial<GateNotice['alerta']> = {}): GateNotice => ({
  evento,
  instanceId: 'corec1',
  alerta: {
    id,
    bloque: 'sensores/3',
    canal: 2,
    clave: `clave/${id}`,
    regla: 'alto',
    abiertaMs: 1,
    actualizadaMs: 2,
    cerradaMs: null,
    valor: 0.9,
    lectura: 71.3,
    esperadoMin: 60,
    esperadoMax: 62,
    razon: {},
    lecturas: 1,
    ...more,
  },
  texto: 'why',
  omitidas: 0,
});
const gateOf = (maxPorMinuto: number, actualizadaMs?: number): NoticeGate =>
  new NoticeGate({ maxPorMinuto, instanceId: 'corec1', ...(actualizadaMs === undefined ? {} : { actualizadaMs }) });
const names = (notices: readonly GateNotice[]): string[] => notices.map((one) => `${one.evento} ${one.alerta.id}`);

describe('notice gate: cap per minute', () => {
  test('what is over the cap is told as one summary when the minute is over, with the worst of it', () => {
    const gate = gateOf(3);
    const told: string[] = [];
    for (let i = 0; i < 10; i++) {
      const valor = i === 6 ? 0.99 : 0.5;
      told.push(...names(gate.pass(notice('abierta', String(i), { valor, clave: `c${i}` }), 1000 + i)));
    }
    assert.deepEqual(told, ['abierta 0', 'abierta 1', 'abierta 2']);
    assert.deepEqual(gate.due(60_999), []);
    const [summary, ...rest] = gate.due(61_000);
    assert.deepEqual(rest, []);
    assert.equal(summary!.evento, 'resumen');
    assert.equal(summary!.omitidas, 7);
    assert.match(summary!.texto, /^7 more alerts this minute, over the 3 /);
    assert.equal(summary!.alerta.valor, 0.99);
    assert.deepEqual(summary!.alerta.razon, {
      codigo: 'resumen',
      maximo: 3,
      abiertas: 7,
      actualizadas: 0,
      cerradas: 0,
      peorBloque: 'sensores/3',
      peorClave: 'c6',
    });
    assert.deepEqual(gate.due(121_000), []);
    // A new minute has room again.
    assert.deepEqual(names(gate.pass(notice('abierta', 'x'), 122_000)), ['abierta x']);
  });

  test('a summary that is due comes before the notice that brings it out', () => {
    const gate = gateOf(1);
    gate.pass(notice('abierta', 'a'), 0);
    gate.pass(notice('abierta', 'b'), 1);
    assert.deepEqual(
      gate.pass(notice('abierta', 'c'), 60_000).map((one) => one.evento),
      ['resumen', 'abierta'],
    );
  });

  test('with a cap of 0 there are summaries only', () => {
    const gate = gateOf(0);
    assert.deepEqual(gate.pass(notice('abierta', 'a'), 0), []);
    assert.equal(gate.due(60_000)[0]!.omitidas, 1);
  });

  test('a wall clock that steps back begins a new minute instead of silence', () => {
    const gate = gateOf(1);
    gate.pass(notice('abierta', 'a'), 10_000_000);
    assert.deepEqual(names(gate.pass(notice('abierta', 'b'), 5_000_000)), ['abierta b']);
  });

  test('the summary speaks the language of the instance', () => {
    const gate = new NoticeGate({ maxPorMinuto: 0, instanceId: 'corec1', idioma: 'es' });
    gate.pass(notice('abierta', 'a'), 0);
    assert.doesNotMatch(gate.due(60_000)[0]!.texto, /more alerts/);
  });

  test('in no minute do more than the cap pass, and every opening is told, counted or silenced', () => {
    const step = fc.record({
      evento: fc.constantFrom<Evento>('abierta', 'actualizada', 'cerrada'),
      id: fc.nat(30),
      afterMs: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), fc.nat(6), (steps, cap) => {
        const gate = gateOf(cap, 10_000);
        const open = new Set<number>();
        const tellings: [ms: number, notice: GateNotice][] = [];
        let nowMs = 0;
        let openings = 0;
        for (const { evento, id, afterMs } of steps) {
          nowMs += afterMs;
          // Only what an episodio can do: open, worsen, close.
          if ((evento === 'abierta') === open.has(id)) continue;
          if (evento === 'abierta') {
            open.add(id);
            openings += 1;
          } else if (evento === 'cerrada') open.delete(id);
          for (const told of gate.pass(notice(evento, String(id)), nowMs)) tellings.push([nowMs, told]);
        }
        // Some idle minutes bring out what waits, unless nothing may ever pass.
        for (let i = 0; i < 200; i++) for (const told of gate.due((nowMs += 60_000))) tellings.push([nowMs, told]);
        const single = tellings.filter(([, told]) => told.evento !== 'resumen');
        for (const [ms] of single) {
          const inMinute = single.filter(([at]) => at >= ms && at < ms + 60_000).length;
          // A window begins with its first notice: any 60 s touch two of them at most.
          assert.ok(inMinute <= 2 * cap, `${inMinute} in a minute, cap ${cap}`);
        }
        const told = single.filter(([, one]) => one.evento === 'abierta').length;
        const counted = tellings.reduce((sum, [, one]) => sum + Number(one.alerta.razon['abiertas'] ?? 0), 0);
        assert.equal(told + counted, openings);
        if (cap > 0) {
          // Nobody is left waiting for the end of something that they were told of, and hears of no end of what they were not.
          const waiting = new Set<string>();
          for (const [, one] of single) {
            if (one.evento === 'cerrada') assert.ok(waiting.delete(one.alerta.id));
            else waiting.add(one.alerta.id);
          }
          assert.deepEqual(
            [...waiting].filter((id) => !open.has(Number(id))),
            [],
          );
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('notice gate: pace of one episodio', () => {
  test('updates are told at most once per interval, counted from the last word of the episodio', () => {
    const gate = gateOf(60, 30_000);
    gate.pass(notice('abierta', 'a'), 0);
    const told: number[] = [];
    for (let ms = 1000; ms <= 100_000; ms += 1000) {
      if (gate.pass(notice('actualizada', 'a'), ms).length > 0) told.push(ms);
    }
    assert.deepEqual(told, [30_000, 60_000, 90_000]);
    assert.deepEqual(names(gate.pass(notice('cerrada', 'a'), 100_001)), ['cerrada a']);
  });

  test('an episodio whose opening found no room is told by its next update, and its end then too', () => {
    const gate = gateOf(1);
    gate.pass(notice('abierta', 'a'), 0);
    gate.pass(notice('abierta', 'b'), 1);
    gate.pass(notice('abierta', 'c'), 2);
    gate.due(60_000);
    assert.deepEqual(names(gate.pass(notice('actualizada', 'b'), 60_001)), ['actualizada b']);
    assert.deepEqual(gate.pass(notice('cerrada', 'c'), 120_000), []);
    assert.deepEqual(names(gate.pass(notice('cerrada', 'b'), 120_001)), ['cerrada b']);
  });

  test('ends that find no room come in later minutes, half of which stay free for what is new', () => {
    const gate = gateOf(4);
    for (const id of ['a', 'b', 'c', 'd']) gate.pass(notice('abierta', id), 0);
    for (const id of ['a', 'b', 'c', 'd']) assert.deepEqual(gate.pass(notice('cerrada', id), 1), []);
    assert.deepEqual(names(gate.due(60_000)), ['cerrada a', 'cerrada b']);
    assert.deepEqual(names(gate.pass(notice('abierta', 'e'), 60_001)), ['abierta e']);
    assert.deepEqual(names(gate.due(120_000)), ['cerrada c', 'cerrada d']);
  });

  test('an end of something opened before this process began is told', () => {
    assert.deepEqual(names(gateOf(5).pass(notice('cerrada', 'old'), 0)), ['cerrada old']);
  });
});

describe('notice gate: silences', () => {
  test('a silenced clave is told neither of nor counted until the time is over; then its next update is', () => {
    const gate = gateOf(5);
    gate.silence({ glob: 'clave/a*', bloque: null, hastaMs: 50_000 });
    assert.deepEqual(gate.pass(notice('abierta', 'a1'), 0), []);
    assert.deepEqual(names(gate.pass(notice('abierta', 'b1'), 0)), ['abierta b1']);
    assert.deepEqual(gate.pass(notice('actualizada', 'a1'), 49_999), []);
    assert.deepEqual(names(gate.pass(notice('actualizada', 'a1'), 50_000)), ['actualizada a1']);
    assert.deepEqual(gate.due(70_000), []);
  });

  test('a bloque, an entry or a glob of them narrows it', () => {
    const gate = gateOf(5);
    const untilMs = 1000;
    gate.silence({ glob: '*', bloque: 'sensores', hastaMs: untilMs });
    gate.silence({ glob: 'x', bloque: 'host/0', hastaMs: untilMs });
    gate.silence({ glob: 'y', bloque: 'no*', hastaMs: untilMs });
    assert.equal(gate.isSilenced('anything', 'sensores/17', 0), true);
    assert.equal(gate.isSilenced('', 'sensores/17', 0), true);
    assert.equal(gate.isSilenced('anything', 'sensores2/17', 0), false);
    assert.equal(gate.isSilenced('x', 'host/0', 0), true);
    assert.equal(gate.isSilenced('x', 'host/1', 0), false);
    assert.equal(gate.isSilenced('y', 'nodo_seguridad/0', 0), true);
    assert.equal(gate.isSilenced('y', 'host/0', 0), false);
    assert.equal(gate.isSilenced('anything', 'sensores/17', untilMs), false);
  });

  test('the last word on a glob and a bloque counts: a shorter time, or none, ends the longer one', () => {
    const gate = gateOf(10);
    gate.silence({ glob: 'a*', bloque: null, hastaMs: 50_000 });
    gate.silence({ glob: 'a*', bloque: 'host', hastaMs: 50_000 });
    gate.silence({ glob: 'a*', bloque: null, hastaMs: 20_000 });
    assert.equal(gate.isSilenced('a1', 'otro/0', 10_000), true);
    assert.equal(gate.isSilenced('a1', 'otro/0', 20_000), false);
    gate.silence({ glob: 'a*', bloque: null, hastaMs: 90_000 });
    gate.silence({ glob: 'a*', bloque: null, hastaMs: 25_000 });
    assert.equal(gate.isSilenced('a1', 'otro/0', 25_000), false);
    assert.equal(gate.isSilenced('a1', 'host/0', 25_000), true, 'what was said of another bloque stands');
  });

  test('silences are bounded: the one that ends first gives way', () => {
    const gate = gateOf(5);
    for (let i = 0; i < 1100; i++) gate.silence({ glob: `c${i}`, bloque: null, hastaMs: 10_000 + i });
    assert.equal(gate.isSilenced('c0', 'b/0', 0), false);
    assert.equal(gate.isSilenced('c1099', 'b/0', 0), true);
  });
});

test('notices of the sinks pass the gate as they are', () => {
  const gate: {
    pass(one: AlertaNotice, nowMs: number): readonly AlertaNotice[];
    due(nowMs: number): readonly AlertaNotice[];
  } = gateOf(1);
  const one: AlertaNotice = notice('abierta', 'a');
  assert.equal(gate.pass(one, 0)[0], one);
});
