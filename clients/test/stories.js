// What the users of the pictures say, by language.
export const stories = {
  en: {
    me: 'Lin', room: 'Sunday hike', other: 'Book club', empty: 'New ideas', long: 'Everything', friends: ['Mei Chen', 'Tom'],
    lines: [
      ['Mei Chen', 'Who is coming on Sunday?'], ['Tom', 'Me! I take the 7:40 train.'], ['Tom', 'The way: https://maps.example.org/mill-trail'],
      ['me', 'I am in, and I bring the tea 🍵'], ['Mei Chen', '🎉🎉'],
      ['Mei Chen', 'Then we meet at the station, at the north gate. From there it is over the bridge, and left along the river as far as the mill.'],
    ],
    unread: ['It may rain a little ☔️', 'Rain or shine 🙂', 'Does anybody have a second umbrella?'],
    offline: 'In the tunnel, more in a minute', ask: 'Hello! Do you ship to Norway?', answer: 'We do, within a week. 📦', shop: 'The tea shop', greeting: 'Fresh from this spring.',
    talks: {
      operations: {
        lines: [
          ['mei', 'Who is coming on Sunday?'], ['tom', 'The 7:20 train, platform 2'], ['lin', 'I am in, and I bring the tea 🍵', { reply: 0 }],
          ['mei', '@Lin, can you take the big thermos as well?', { mentions: ['lin'] }],
        ],
        edited: 'The 7:40 train, platform 2', taken: 'I have the tickets already', last: 'Wonderful!', mention: 'Good question,', mine: 'I am in',
      },
      people: { mei: 'Mei Chen', tom: 'Tom', priya: 'Priya N.', jonas: 'Jonas', gran: 'Grandma' },
      group: 'Sunday hike', about: 'Every second Sunday, whatever the weather.', club: 'Book club', lunch: 'Lunch on Thursdays, third floor',
      lines: [
        ['mei', 'Who is coming on Sunday?'], ['tom', 'Me! I take the 7:40 train.'], ['lin', 'I am in, and I bring the tea 🍵'], ['priya', 'Is the mill open that early?'],
        ['mei', 'Then we meet at the station, at the north gate. From there it is over the bridge, and left along the river as far as the mill.'],
      ],
      direct: { mei: ['Can you take the big thermos?', 'Mine leaks.'], tom: 'See you on Sunday!', gran: 'Call me when you are home ❤️' }, clubLines: ['I have read it twice.', 'Chapter 4 on Thursday, then?'], lunchLine: 'Noodles again?',
    },
  },
  zh: {
    me: '小林', room: '周末徒步', other: '读书会', empty: '新点子', long: '闲聊', friends: ['陈梅', '阿明'],
    lines: [
      ['陈梅', '星期天谁来？'], ['阿明', '我来！我坐 7:40 的火车。'], ['阿明', '路线：https://maps.example.org/mill-trail'],
      ['me', '我也来，带上茶 🍵'], ['陈梅', '🎉🎉'], ['陈梅', '那我们在火车站北门集合。出发后先过桥，再左转沿着河一直走到磨坊。'],
    ],
    unread: ['可能会下点小雨 ☔️', '风雨无阻 🙂', '谁有多余的伞？'],
    offline: '在隧道里，稍后再说', ask: '你好！可以寄到挪威吗？', answer: '可以，一周之内送达。📦', shop: '茶叶店', greeting: '今年的春茶。',
    talks: {
      operations: {
        lines: [
          ['mei', '星期天谁来？'], ['tom', '7:20 的火车，2 号站台'], ['lin', '我也来，带上茶 🍵', { reply: 0 }],
          ['mei', '@小林 你能带上大保温壶吗？', { mentions: ['lin'] }],
        ],
        edited: '7:40 的火车，2 号站台', taken: '票我已经买好了', last: '太好了！', mention: '问得好', mine: '我也来',
      },
      people: { mei: '陈梅', tom: '阿明', priya: '王芳', jonas: '老周', gran: '外婆' },
      group: '周末徒步', about: '每隔一周的星期天，风雨无阻。', club: '读书会', lunch: '三楼周四一起吃午饭',
      lines: [
        ['mei', '星期天谁来？'], ['tom', '我来！我坐 7:40 的火车。'], ['lin', '我也来，带上茶 🍵'], ['priya', '磨坊那么早开门吗？'],
        ['mei', '那我们在火车站北门集合。出发后先过桥，再左转沿着河一直走到磨坊。'],
      ],
      direct: { mei: ['你能带大保温壶吗？', '我的漏水。'], tom: '星期天见！', gran: '到家给我打电话 ❤️' }, clubLines: ['我读了两遍。', '那就星期四第四章？'], lunchLine: '又吃面条？',
    },
  },
}
