// Dates shows times in one language.
export class Dates {
  constructor(language) {
    this.time = new Intl.DateTimeFormat(language, { hour: 'numeric', minute: '2-digit' })
    this.full = new Intl.DateTimeFormat(language, { dateStyle: 'full', timeStyle: 'short' })
    this.date = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'numeric' })
    this.thisYear = new Intl.DateTimeFormat(language, { weekday: 'long', day: 'numeric', month: 'long' })
    this.otherYear = new Intl.DateTimeFormat(language, { day: 'numeric', month: 'long', year: 'numeric' })
  }

  // short returns the time of today, and the date of other days.
  short(at, now) {
    if (!(Math.abs(at) < 8.64e15)) return ''
    return (sameDay(at, now) ? this.time : this.date).format(at)
  }

  // day returns the name of the day of a time.
  day(at, now, words) {
    if (!(Math.abs(at) < 8.64e15)) return ''
    const date = new Date(at)
    const days = Math.round((midnight(now) - midnight(at)) / 86_400_000)
    if (days === 0) return words.get('today')
    if (days === 1) return words.get('yesterday')
    return (date.getFullYear() === new Date(now).getFullYear() ? this.thisYear : this.otherYear).format(date)
  }
}

const midnight = (at) => new Date(at).setHours(0, 0, 0, 0)

export const sameDay = (a, b) => midnight(a) === midnight(b)

// untilMidnight returns the milliseconds until the next day begins.
export const untilMidnight = (now) => new Date(now).setHours(24, 0, 0, 0) - now
