import { FileJournal } from '#adapters/file-journal/journal.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { journalSuite } from './journal.suite.ts';

journalSuite('file-journal', (t) => {
  const folder = tempFolder(t);
  return { begin: () => new FileJournal(folder) };
});

journalSuite('file-journal with segments of 16 KB', (t) => {
  const folder = tempFolder(t);
  return { begin: () => new FileJournal(folder, { segmentBytes: 16_384 }) };
});
