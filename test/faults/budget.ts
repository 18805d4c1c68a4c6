/** How long the fault suite may take: a few minutes, or with COREC_FAULTS_LONG=1 (`npm run test:faults -- --long`) ten times as many faults. */
const LONG = process.env['COREC_FAULTS_LONG'] === '1';

export const rounds = (usual: number): number => (LONG ? usual * 10 : usual);
