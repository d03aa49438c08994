
// reason returns in words why the server has refused something. users are those that the
// command names: the refusal may be about one of them.
export function reason({ words }, { code, field, uncertain }, users = []) {
  if (uncertain) return words.get('perhaps')
  const user = users[/^users\[(\d+)\]$/.exec(field)?.[1]]
  return user ? words.get('notThem', { name: words.name(user), why: words.error(code) }) : words.error(code)
}

// attempt resolves to whether a command was carried out, and says why not. users are those
// that the command names: the refusal may be about one of them.
export async function attempt(element, promise, users) {
  try {
    await promise
    return true
  } catch (err) {
    element.tell(reason(element, err, users))
    return false
  }
}
