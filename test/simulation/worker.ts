/** A process that plays seeds as it is told them, and answers each with its outcome. */
import { PLANTED, type PlantedName } from './planted.ts';
import { simulate, type Outcome } from './simulate.ts';

export interface Order {
  readonly seed: number;
  readonly isLong: boolean;
  readonly planted: PlantedName | null;
}

process.on('message', (order: Order) => {
  const options = { isLong: order.isLong, ...(order.planted === null ? {} : { planted: PLANTED[order.planted] }) };
  void simulate(order.seed, options).then((outcome: Outcome) => process.send!(outcome));
});
