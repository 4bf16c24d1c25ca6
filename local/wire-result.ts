/**
 * Collects the wire protocol's answers to one statement into a `SqlResult`. PGlite does the parsing of bytes; this
 * keeps what its own result type drops, the command tag, and leaves every value in text form.
 */
import type { PGlite } from '@electric-sql/pglite';
import { messages } from '@electric-sql/pglite';
import type { SqlField, SqlResult } from './sql-driver.ts';

type BackendMessage = Awaited<ReturnType<PGlite['execProtocolStream']>>[number];

/** Feed it every message of one statement with `read`, then take `result`. */
export class ResultReader {
  private fields: SqlField[] = [];
  private readonly rows: (string | null)[][] = [];
  private tag = '';

  /** Takes in one message; the ones that carry no part of a result are ignored. */
  read(message: BackendMessage): void {
    if (message instanceof messages.RowDescriptionMessage) {
      this.fields = message.fields.map(({ name, dataTypeID }) => ({ name, dataTypeID }));
    } else if (message instanceof messages.DataRowMessage) {
      this.rows.push(message.fields);
    } else if (message instanceof messages.CommandCompleteMessage) {
      this.tag = message.text;
    }
  }

  /** The statement's result: the row count is the last word of the command tag when that is a number. */
  result(): SqlResult {
    const words = this.tag.split(' ');
    const count = words.length > 1 ? Number(words.at(-1)) : Number.NaN;
    return {
      command: words[0] ?? '',
      rowCount: Number.isInteger(count) ? count : null,
      fields: this.fields,
      rows: this.rows,
    };
  }
}
