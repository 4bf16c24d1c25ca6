// The contract's notation for shapes, `{success: true, list: [ENTRY], pin?: str|null, by: {[CLINIC]: int}}`, as JSON
// Schema. Fifty endpoints fit into a few kB this way, and people read the notation itself.

/** The part of JSON Schema that shapes need. */
export interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly const?: string | number | boolean;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly description?: string;
}

const PRIMITIVES: Readonly<Record<string, JsonSchema>> = {
  int: { type: 'integer', minimum: 0 },
  number: { type: 'number' },
  str: { type: 'string' },
  bool: { type: 'boolean' },
  null: { type: 'null' },
  true: { const: true },
  false: { const: false },
  object: { type: 'object' },
  any: {},
};

const TOKEN = /\s*(\.\.\.|"[^"]*"|\w+|[{}[\],:?|])/y;

/**
 * The schema of a notation. `shapes` are the named ones, by their notation: `...NAME` takes over the fields of one.
 * Any other name is a reference to a component. Throws for what is no notation.
 */
export function schemaOf(notation: string, shapes: Readonly<Record<string, string>>): JsonSchema {
  const tokens = tokensOf(notation);
  const schema = union();
  if (tokens.length > 0) throw new Error(`Not expected after a shape: ${tokens[0]}`);
  return schema;

  function union(): JsonSchema {
    const parts = [single()];
    while (skip('|')) parts.push(single());
    const [first = {}] = parts;
    if (parts.length === 1) return first;
    return parts.every((part) => part.const !== undefined)
      ? { enum: parts.map((part) => part.const) }
      : { anyOf: parts };
  }

  function single(): JsonSchema {
    if (skip('{')) return object();
    if (skip('[')) {
      const items = union();
      expect(']');
      return { type: 'array', items };
    }
    const name = next();
    if (name.startsWith('"')) return { const: name.slice(1, -1) };
    if (/^\d+$/.test(name)) return { const: Number(name) };
    return PRIMITIVES[name] ?? { $ref: `#/components/schemas/${name}` };
  }

  function object(): JsonSchema {
    const properties: Record<string, JsonSchema> = {};
    const required: string[] = [];
    while (!skip('}')) {
      if (skip('[')) {
        next();
        expect(']');
        expect(':');
        const additionalProperties = union();
        expect('}');
        return { type: 'object', additionalProperties };
      }
      if (skip('...')) {
        const taken = schemaOf(shapes[next()] ?? '', shapes);
        Object.assign(properties, taken.properties);
        required.push(...(taken.required ?? []));
      } else {
        const name = next();
        if (!skip('?')) required.push(name);
        expect(':');
        properties[name] = union();
      }
      skip(',');
    }
    return { type: 'object', properties, ...(required.length > 0 && { required }) };
  }

  function next(): string {
    const token = tokens.shift();
    if (token === undefined) throw new Error(`Ends too early: ${notation}`);
    return token;
  }

  function skip(token: string): boolean {
    if (tokens[0] !== token) return false;
    tokens.shift();
    return true;
  }

  function expect(token: string): void {
    if (!skip(token)) throw new Error(`Expected ${token} before ${tokens.join(' ')}`);
  }
}

function tokensOf(notation: string): string[] {
  const tokens: string[] = [];
  const token = new RegExp(TOKEN);
  while (token.lastIndex < notation.trimEnd().length) {
    const at = token.lastIndex;
    const found = token.exec(notation)?.[1];
    if (found === undefined) throw new Error(`No shape: ${notation.slice(at)}`);
    tokens.push(found);
  }
  return tokens;
}
