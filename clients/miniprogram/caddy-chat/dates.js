const { sameDay } = require('./lib/text')

// Not all phones have Intl in mini programs.
const names = {
  en: {
    days: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
    months: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
  },
  zh: { days: ['星期日', '星期一', '星期二', '星期三', '星期四', '星期五', '星期六'] },
}

const isTime = (at) => Math.abs(at) < 8.64e15
const two = (n) => String(n).padStart(2, '0')

// Dates shows times in Chinese or English.
exports.Dates = class Dates {
  constructor(words) {
    this.words = words
    this.chinese = words.language === 'zh'
  }

  time(at) {
    if (!isTime(at)) return ''
    const date = new Date(at)
    return `${two(date.getHours())}:${two(date.getMinutes())}`
  }

  // short returns the time of today, and the day of others.
  short(at, now) {
    if (!isTime(at)) return ''
    if (sameDay(at, now)) return this.time(at)
    if (daysBetween(at, now) === 1) return this.words.get('yesterday')
    const date = new Date(at)
    const [year, month, day] = [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    if (year !== new Date(now).getFullYear()) return this.chinese ? `${year}/${month}/${day}` : `${day}/${month}/${year}`
    return this.chinese ? `${month}/${day}` : `${day} ${names.en.months[month - 1].slice(0, 3)}`
  }

  // day returns the name of the day of a time.
  day(at, now) {
    if (!isTime(at)) return ''
    const days = daysBetween(at, now)
    if (days === 0) return this.words.get('today')
    if (days === 1) return this.words.get('yesterday')
    const date = new Date(at)
    const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
    const thisYear = year === new Date(now).getFullYear()
    if (this.chinese) return `${thisYear ? '' : `${year}年`}${month + 1}月${day}日${thisYear ? ` ${names.zh.days[date.getDay()]}` : ''}`
    return `${thisYear ? `${names.en.days[date.getDay()]}, ` : ''}${day} ${names.en.months[month]}${thisYear ? '' : ` ${year}`}`
  }
}

const midnight = (at) => new Date(at).setHours(0, 0, 0, 0)
const daysBetween = (at, now) => Math.round((midnight(now) - midnight(at)) / 86400000)
