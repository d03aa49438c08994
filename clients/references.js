// Writes the references of docs/ that are made of something else: of OpenAPI, and of the
// declarations of TypeScript. test/references.test.js compares them, and `make references`
// writes them.

const cell = (text) => text.replaceAll('\n', ' ').replaceAll('|', '\\|').trim()
const sentence = (text) => text && `${text[0].toUpperCase()}${text.slice(1)}${/[.:!?]$/.test(text) ? '' : '.'}`

// table returns a table, or nothing if it would be empty. Columns that have nothing are left out.
function table(titles, rows) {
  const used = titles.map((_, i) => rows.some((row) => row[i]))
  const line = (cells) => `| ${cells.filter((_, i) => used[i]).map((text) => cell(text ?? '')).join(' | ')} |\n`
  return rows.length === 0 ? '' : `\n${line(titles)}|${titles.filter((_, i) => used[i]).map(() => '---').join('|')}|\n${rows.map(line).join('')}`
}

// openapi returns a document of OpenAPI 3.1 as Markdown, behind an introduction.
export function openapi(intro, { paths, components }) {
  const known = (it) => (it.$ref ? it.$ref.split('/').slice(2).reduce((at, name) => at[name], components) : it)
  const named = (it) => it.$ref?.split('/').at(-1)

  // kind returns what a value is, in words.
  function kind(schema) {
    const name = named(schema)
    if (name) return `[${name}](#${name.toLowerCase()})`
    if (schema.anyOf ?? schema.oneOf) return (schema.anyOf ?? schema.oneOf).map(kind).join(' or ')
    if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(', ')
    if ('const' in schema) return `\`${schema.const}\``
    if (schema.type === 'array') return `list of ${kind(schema.items ?? {})}${bounds(schema.minItems, schema.maxItems)}`
    if (schema.type === 'object' && schema.properties) return `object of ${Object.entries(schema.properties).map(([field, of]) => `\`${field}\` (${kind(of)})`).join(', ')}`
    if (schema.type === 'object' && schema.additionalProperties) return `object of ${kind(schema.additionalProperties)} by name`
    const types = [schema.type ?? 'any'].flat()
    return types.join(' or ') + (types.includes('string') ? bounds(schema.minLength, schema.maxLength) : bounds(schema.minimum, schema.maximum))
  }

  function bounds(least, most) {
    if (most === 2 ** 53 - 1 || most === undefined) return least ? `, at least ${least}` : ''
    return least ? `, ${least} to ${most}` : `, at most ${most}`
  }

  const fields = ({ properties = {}, required = [] }) => table(['field', 'required', 'value', 'meaning'], Object.entries(properties)
    .sort(([a], [b]) => required.includes(b) - required.includes(a) || (a < b ? -1 : 1))
    .map(([name, schema]) => [`\`${name}\``, required.includes(name) ? 'yes' : '', kind(schema), schema.description]))

  let text = intro
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, it] of Object.entries(methods)) {
      text += `\n### ${method.toUpperCase()} ${path}\n\n${sentence(it.summary)}${it.description ? ` ${it.description}` : ''}\n`
      if (it['x-scopes']) text += `\nA key needs ${it['x-scopes'].map((scope) => `\`${scope}\``).join(' or ')}.\n`
      text += table(['parameter', 'in', 'required', 'value', 'meaning'], it.parameters.map(known)
        .map(({ name, in: place, required, schema, description }) => [`\`${name}\``, place, required ? 'yes' : '', kind(schema), description ?? schema.description]))
      for (const [type, { schema = {} }] of Object.entries(it.requestBody ? known(it.requestBody).content : {})) {
        const inline = schema.properties && !named(schema)
        text += `\nThe body${type === 'application/json' ? '' : `, \`${type}\``}${inline ? `:\n${fields(schema)}` : `: ${kind(schema)}${schema.description ? `. ${sentence(schema.description)}` : ''}\n`}`
      }
      const good = Object.entries(it.responses).filter(([status]) => status < 300)
      const answer = known(good[0][1]).content
      const statuses = good.map(([status]) => status).join(' or ')
      if (!answer) text += `\nThe answer has the status ${statuses} and no body.\n`
      for (const [type, { schema = {} }] of Object.entries(answer ?? {})) {
        const inline = schema.properties && !named(schema)
        text += `\nThe answer, ${statuses}${type === 'application/json' ? '' : `, \`${type}\``}${inline ? `:\n${fields(schema)}` : `: ${kind(schema)}${schema.description ? `. ${sentence(schema.description)}` : ''}\n`}`
      }
      const bad = Object.keys(it.responses).filter((status) => status >= 300)
      if (bad.length) text += `\nRefused with ${bad.join(', ')}.\n`
    }
  }
  text += '\n## Shapes\n'
  for (const [name, schema] of Object.entries(components.schemas).sort(([a], [b]) => (a < b ? -1 : 1))) {
    text += `\n### ${name}\n${schema.description ? `\n${sentence(schema.description)}\n` : ''}${schema.properties ? fields(schema) : `\n${sentence(kind(schema))}\n`}`
  }
  return text
}

// declarations returns the declarations of .d.ts files as Markdown, behind an introduction:
// each of the first file has a heading of its own, the others one each.
export function declarations(intro, [[, first], ...others]) {
  let text = intro
  for (const block of first.trimEnd().split(/\n\n(?=\S)/)) {
    const name = /^(?:export )?(?:declare )?(?:interface|type|class|function|const) (\w+)/m.exec(block)?.[1]
    if (name) text += `\n## ${name}\n\n\`\`\`TypeScript\n${block}\n\`\`\`\n`
  }
  for (const [name, source] of others) text += `\n## ${name}\n\n\`\`\`TypeScript\n${source.trimEnd()}\n\`\`\`\n`
  return text
}
