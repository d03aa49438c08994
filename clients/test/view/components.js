// The components of WeChat that the pages use: their properties, and their events with
// the details. Their look is in base.css.

const text = String
const flag = Boolean
const number = Number

// The keys are the tags. A component has only these properties: any other in a page is
// an error. dom has handlers of the browser's events, changed is called with a
// property that has changed.
export const components = {
  view: {},
  label: { properties: { for: text } },
  text: { properties: { userSelect: flag } },

  image: {
    properties: { src: text, mode: text, lazyLoad: flag },
    changed: {
      src(element, src) {
        const picture = src.startsWith('wxfile:') ? portrait : src
        element.style.backgroundImage = src && `url("${picture}")`
        if (src) Object.assign(new Image(), { src: picture, onerror: () => fire(element.__wxElement, 'error', { errMsg: 'not loaded' }) })
      },
    },
  },

  button: {
    properties: { size: text, openType: text, formType: text },
    attached(element) {
      element.type = 'button'
    },
    tap(component) {
      if (component.data.openType === 'chooseAvatar') fire(component, 'chooseavatar', { avatarUrl: 'wxfile://tmp_portrait.jpeg' })
      if (component.data.formType === 'submit') submit(component.$$.closest('form'))
    },
  },

  switch: {
    properties: { checked: flag },
    changed: {
      checked: (element, checked) => element.classList.toggle('wx-switch-on', checked),
    },
    tap: (component) => fire(component, 'change', { value: !component.data.checked }),
  },

  form: {
    dom: {
      submit: (component, event) => event.preventDefault(), // the button submits
    },
  },

  input: {
    properties: { value: text, type: text, name: text, placeholder: text, maxlength: number, confirmType: text, focus: flag, placeholderClass: text },
    ...textField(),
  },

  textarea: {
    properties: {
      value: text, placeholder: text, maxlength: number, autoHeight: flag, fixed: flag, cursorSpacing: number,
      showConfirmBar: flag, confirmType: text, confirmHold: flag, adjustPosition: { type: flag, value: true }, holdKeyboard: flag,
      disableDefaultPadding: flag, focus: flag, placeholderClass: text,
    },
    ...textField(),
  },

  'scroll-view': {
    properties: {
      scrollY: flag, scrollIntoView: text, enablePassive: flag, refresherEnabled: flag, refresherTriggered: flag,
      upperThreshold: number, lowerThreshold: number, scrollTop: number, scrollAnchoring: flag, enhanced: flag, bounces: flag,
    },
    changed: {
      scrollTop(element, top) {
        element.scrollTop = top
      },
      scrollIntoView(element, id) {
        const to = id && element.querySelector(`[id="${id}"], [id$="--${id}"]`) // the examples' have the component before them
        if (to) element.scrollTop += to.getBoundingClientRect().top - element.getBoundingClientRect().top
      },
    },
    dom: {
      scroll(component) {
        const { scrollTop, scrollHeight } = component.$$
        fire(component, 'scroll', { scrollTop, scrollHeight })
        const above = scrollTop <= (component.data.upperThreshold || 50)
        if (above && !component.above) fire(component, 'scrolltoupper', { direction: 'top' })
        component.above = above
        const below = scrollHeight - scrollTop - component.$$.clientHeight <= (component.data.lowerThreshold || 50)
        if (below && !component.below) fire(component, 'scrolltolower', { direction: 'bottom' })
        component.below = below
      },
    },
  },
}

// The picture that chooseAvatar returns.
const portrait = `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
  <rect width="64" height="64" fill="#f2b84b"/><circle cx="32" cy="25" r="12" fill="#7a4a1e"/><path d="M8 64a24 22 0 0 1 48 0z" fill="#2f6f8f"/>
</svg>`)}`

// textField is what input and textarea have in common.
function textField() {
  return {
    changed: {
      // The page sets the value again after each input event. Such an echo must not
      // overwrite what was typed since.
      value(element, value) {
        const echo = element.typed?.indexOf(value) ?? -1
        if (echo >= 0) element.typed.splice(0, echo + 1)
        else element.value = value
      },
      // The colour of the class, in the style of the component or page that has the field.
      placeholderClass(element, name) {
        requestAnimationFrame(() => {
          const { is = '' } = element.__wxElement?.ownerShadowRoot?.getHostNode() ?? {}
          const probe = document.createElement('span')
          probe.className = `${name} ${is.replace(/[^\w]/g, '-')}--${name}`
          element.after(probe)
          element.style.setProperty('--placeholder', getComputedStyle(probe).color)
          probe.remove()
        })
      },
      focus(element, focus) {
        if (focus) element.focus()
        else if (document.activeElement === element) element.blur()
      },
    },
    dom: {
      focus: (component) => fire(component, 'focus', { value: component.$$.value, height: 0 }),
      blur: (component) => fire(component, 'blur', { value: component.$$.value }),
      input(component) {
        const { $$: element } = component
        element.typed = [...(element.typed ?? []), element.value]
        fire(component, 'input', { value: element.value, cursor: element.selectionStart })
        if (element.lines !== element.scrollHeight) fire(component, 'linechange', { height: element.scrollHeight })
        element.lines = element.scrollHeight
      },
      keydown(component, event) {
        if (event.key !== 'Enter') return
        event.preventDefault()
        fire(component, 'confirm', { value: component.$$.value })
      },
    },
  }
}

function submit(form) {
  const value = {}
  for (const field of form.querySelectorAll('input, textarea')) value[field.name] = field.value
  fire(form.__wxElement, 'submit', { value })
}

function fire(component, name, detail) {
  component.triggerEvent(name, detail)
}
