/**
 * What people ask of an instance: to pause and go on, to be quiet about a clave, to mark an alert as seen, to forget a clave; each with
 * what must be true once it is answered.
 */
import type { Dice } from '../sim/dice.ts';
import type { World } from '../sim/world.ts';
import { ComandoClient, type ComandoChoice } from './comando-client.ts';

export function makePeople(world: World): ComandoClient[] {
  const dice = world.dice.fork();
  return [
    new ComandoClient(world, 'p', (isCalm) => choosePausa(world, dice, isCalm)),
    new ComandoClient(world, 'c', (isCalm) => (isCalm ? null : chooseOther(world, dice))),
  ];
}

/** Targets are paused and go on again; in the calm everything goes on. */
function choosePausa(world: World, dice: Dice, isCalm: boolean): ComandoChoice | null {
  const { pausas } = world.promises;
  const targets = world.plan.pausa === 'todo' ? [null] : world.plan.entries.map(({ id }) => id);
  const paused = targets.filter((target) => pausas.get(target) === true);
  const change = (target: string | null, isPaused: boolean): ComandoChoice => ({
    name: isPaused ? 'pause' : 'resume',
    args: target === null ? {} : { bloque: target },
    onSent: () => pausas.delete(target),
    onAnswer: (ok) => {
      // what does not exist yet cannot be paused
      if (ok) pausas.set(target, isPaused);
    },
  });
  if (isCalm) return paused.length === 0 ? null : change(paused[0]!, false);
  if (paused.length > 0 && dice.chance(0.8)) return change(dice.pick(paused), false);
  return dice.chance(0.5) ? change(dice.pick(targets), true) : null;
}

function chooseOther(world: World, dice: Dice): ComandoChoice | null {
  const { ledger, promises } = world;
  const accounts = [...ledger.accounts.values()];
  switch (dice.below(4)) {
    case 0: {
      const alertas = [...(world.life?.notices ?? [])].filter(({ evento }) => evento === 'abierta');
      if (alertas.length === 0) return null;
      const { id } = dice.pick(alertas).alerta;
      return {
        name: 'ack',
        args: { id },
        onAnswer: (ok) => {
          if (ok) promises.acknowledged.add(id);
        },
      };
    }
    case 1: {
      const limited = accounts.filter(({ entry }) => entry === 'limitado');
      if (limited.length === 0) return null;
      const { clave } = dice.pick(limited);
      return {
        name: 'silence',
        args: { glob: clave, bloque: 'limitado', for: '30d' },
        onAnswer: (ok) => {
          if (ok) promises.silenced.add(clave);
        },
      };
    }
    case 2: {
      if (accounts.length === 0 || dice.chance(0.5)) return null;
      const account = dice.pick(accounts);
      let before = 0;
      return {
        name: 'forget',
        args: { clave: account.clave, bloque: account.entry },
        onSent: () => {
          before = account.forgetSent();
        },
        onAnswer: (ok) => {
          if (ok) account.forgotten(before);
          else account.forgetting--;
        },
      };
    }
    default:
      return null;
  }
}
