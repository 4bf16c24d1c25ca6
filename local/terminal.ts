// Colour where a person looks, plain text where a program reads.
import { styleText } from 'node:util';

const coloured = process.stdout.isTTY && !process.env.NO_COLOR;
const style = (format: Parameters<typeof styleText>[0]) => (text: string) =>
  coloured ? styleText(format, text) : text;

export const bold = style('bold');
export const dim = style('dim');
export const green = style('green');
export const red = style('red');
