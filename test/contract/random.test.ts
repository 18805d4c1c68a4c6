import { makeRandom } from '#adapters/system/random.ts';
import { randomSuite } from './random.suite.ts';

randomSuite('xoshiro128**', makeRandom);
