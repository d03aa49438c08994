export default {
  pages: ['pages/list/index', 'pages/room/index'],
  window: { navigationBarTitleText: '', navigationBarBackgroundColor: '@bar', navigationBarTextStyle: '@text', backgroundColor: '@bar' },
  darkmode: true,
  themeLocation: 'theme.json',
}
