import'./chat-CVYRA2WV.js';import'./chunk-MRB4Z75R.js';
