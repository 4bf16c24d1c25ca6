// How far a long command is: a bar that is drawn again for a person, a plain line at each tenth for a log.

const WIDTH = 30;

interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** A function to call with the work done and all the work. */
export function progressLine(output: Output): (done: number, total: number) => void {
  let lastTenth = -1;
  return (done, total) => {
    const share = total === 0 ? 1 : done / total;
    const tenth = Math.floor(share * 10);
    if (output.isTTY) {
      const filled = Math.round(share * WIDTH);
      const bar = `${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}`;
      output.write(`\r${bar} ${done}/${total}${share === 1 ? '\n' : ''}`);
    } else if (tenth !== lastTenth) {
      output.write(`${done}/${total}\n`);
    }
    lastTenth = tenth;
  };
}
